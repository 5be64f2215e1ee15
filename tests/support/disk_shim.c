/* Preloaded: counts, records and fails what a process does to the files below one folder.
 *
 * The record has a line "operation path number size" for each call that succeeded, then `size`
 * bytes that were written; paths are relative to the folder and hold no blanks.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static char root[PATH_MAX];
static int record = -1, fault;
static long calls, point;

/* Fail call number `n` with `error` and, if that is ENOSPC, all later ones that need room;
   kill the process there if it is 0. The record goes to the open file `to`, -1: nowhere. */
void shim_arm(const char *folder, int to, long n, int error) {
    snprintf(root, sizeof root, "%s/", folder);
    record = to, point = n, fault = error, calls = 0;
}

long shim_calls(void) { return calls; }

static const char *below(const char *path) {
    size_t length = strlen(root);
    if (!length || !path) return NULL;
    if (!strncmp(path, root, length)) return path + length;
    return strlen(path) == length - 1 && !strncmp(path, root, length - 1) ? "." : NULL;
}

static const char *opened(int fd, char *buffer) {
    char link[64];
    if (!*root) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, buffer, PATH_MAX - 1);
    if (size < 0) return NULL;
    buffer[size] = 0;
    return below(buffer);
}

static int fails(const char *path, int needs_room) {
    if (!path) return 0;
    calls++;
    if (calls != point && !(fault == ENOSPC && point && calls > point)) return 0;
    if (!fault) kill(getpid(), SIGKILL);
    if (fault == ENOSPC && !needs_room) return 0;
    errno = fault;
    return 1;
}

static void note(const char *what, const char *path, long number, const void *data, size_t size) {
    char line[PATH_MAX + 100];
    if (record < 0 || !path || strstr(path, " (deleted)")) return;
    int length = snprintf(line, sizeof line, "%s %s %ld %zu\n", what, path, number, size);
    syscall(SYS_write, record, line, length);
    if (size) syscall(SYS_write, record, data, size);
}

/* Have the record say something that is no call. */
void shim_mark(const char *path, const void *data, size_t size) {
    note("mark", below(path), 0, data, size);
}

static int open_at(int folder, const char *name, int flags, mode_t mode) {
    const char *path = flags & (O_WRONLY | O_RDWR | O_CREAT) ? below(name) : NULL;
    int exists = path && !faccessat(folder, name, F_OK, 0);
    if (fails(path, (flags & O_CREAT) && !exists)) return -1;
    int fd = syscall(SYS_openat, folder, name, flags, mode);
    if (fd >= 0 && path && (flags & O_TMPFILE) != O_TMPFILE) {
        if (!exists) note("create", path, 0, NULL, 0);
        else if (flags & O_TRUNC) note("truncate", path, 0, NULL, 0);
    }
    return fd;
}

#define OPEN(name, folder, ...)                                   \
    int name(__VA_ARGS__, int flags, ...) {                       \
        va_list rest;                                             \
        va_start(rest, flags);                                    \
        mode_t mode = va_arg(rest, mode_t);                       \
        va_end(rest);                                             \
        return open_at(folder, path, flags, mode);                \
    }
OPEN(open, AT_FDCWD, const char *path)
OPEN(open64, AT_FDCWD, const char *path)
OPEN(openat, folder, int folder, const char *path)
OPEN(openat64, folder, int folder, const char *path)

ssize_t write(int fd, const void *data, size_t size) {
    char buffer[PATH_MAX];
    const char *path = opened(fd, buffer);
    if (fails(path, 1)) return -1;
    long at = path ? lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR) : 0;
    ssize_t done = syscall(SYS_write, fd, data, size);
    if (done > 0) note("write", path, at, data, done);
    return done;
}

#define PWRITE(name)                                                      \
    ssize_t name(int fd, const void *data, size_t size, off_t at) {       \
        char buffer[PATH_MAX];                                            \
        const char *path = opened(fd, buffer);                            \
        if (fails(path, 1)) return -1;                                    \
        ssize_t done = syscall(SYS_pwrite64, fd, data, size, at);         \
        if (done > 0) note("write", path, at, data, done);                \
        return done;                                                      \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define ON_FD(name, what, room, number, parameters, ...)                  \
    int name parameters {                                                 \
        char buffer[PATH_MAX];                                            \
        const char *path = opened(fd, buffer);                            \
        if (fails(path, room)) return -1;                                 \
        int result = REAL(name)(__VA_ARGS__);                             \
        if (!result) note(what, path, number, NULL, 0);                   \
        return result;                                                    \
    }
ON_FD(fsync, "sync", 1, 0, (int fd), fd)
ON_FD(fdatasync, "sync", 1, 0, (int fd), fd)
ON_FD(ftruncate, "truncate", 0, size, (int fd, off_t size), fd, size)
ON_FD(ftruncate64, "truncate", 0, size, (int fd, off_t size), fd, size)

#define ON_PATH(name, what, room, target, parameters, ...)                \
    int name parameters {                                                 \
        if (fails(below(path), room)) return -1;                          \
        int result = REAL(name)(__VA_ARGS__);                             \
        const char *to = below(target);                                   \
        if (!result) note(what, below(path), 0, to, to ? strlen(to) : 0); \
        return result;                                                    \
    }
ON_PATH(rename, "rename", 0, target, (const char *path, const char *target), path, target)
ON_PATH(unlink, "unlink", 0, NULL, (const char *path), path)
ON_PATH(rmdir, "unlink", 0, NULL, (const char *path), path)
ON_PATH(mkdir, "mkdir", 1, NULL, (const char *path, mode_t mode), path, mode)

int unlinkat(int folder, const char *name, int flags) {
    char path[2 * PATH_MAX], buffer[PATH_MAX];
    const char *parent = folder == AT_FDCWD ? NULL : opened(folder, buffer);
    if (parent) snprintf(path, sizeof path, "%s%s/%s", root, parent, name);
    const char *target = parent ? below(path) : below(name);
    if (fails(target, 0)) return -1;
    int result = REAL(unlinkat)(folder, name, flags);
    if (!result) note("unlink", target, 0, NULL, 0);
    return result;
}
