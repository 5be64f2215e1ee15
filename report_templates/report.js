// What a screen adds to a report that is whole without it: tables that sort, plots that tell their
// values, the images behind the confusion matrix, and the place in the contents.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const status = make("div", { class: "unseen", role: "status" });
  document.querySelector("main").append(status);

  // ---- Tables ----

  const UNITS = { h: 3600, min: 60, ms: 0.001, kB: 1e3, MB: 1e6, GB: 1e9 };
  const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

  /** The number at the start of a cell, in its base unit; null where there is none. */
  const numberOf = (text) => {
    const plain = text.replace(/[\s\u202f\u00a0]+/g, " ").replace(/,(?=\d{3})/g, "")
      .replace(/−/g, "-").replace(/⁻/g, "-")
      .replace(/[⁰¹²³⁴⁵⁶⁷⁸⁹]/g, (c) => SUPERSCRIPTS.indexOf(c))
      .replace(/(\d) × 10(-?\d+)/g, "$1e$2").replace(/\b10(-\d+)/g, "1e$1").trim();
    const parts = [...plain.matchAll(/([\d.]+) (h|min|ms|s|kB|MB|GB)\b/g)];
    if (parts.length && plain.startsWith(parts[0][0])) {
      return parts.reduce((sum, [, n, unit]) => sum + n * (UNITS[unit] ?? 1), 0);
    }
    const found = plain.match(/^[<>~]? ?([-+]?\d*\.?\d+(?:e-?\d+)?)/);
    return found ? Number(found[1]) - (plain.startsWith("<") ? 1e-12 : 0) : null;
  };

  const compare = (a, b, way) => {
    if (a.number !== null && b.number !== null) return way * (a.number - b.number);
    if (a.number !== null || b.number !== null) return a.number === null ? 1 : -1;
    return way * a.text.localeCompare(b.text, "en", { numeric: true });
  };

  const sortRows = (body, rows, column, way) => {
    const moving = rows.filter((row) => !row.classList.contains("foot"));
    const numeric = moving.some((row) => row.cells[column].classList.contains("n"));
    const keys = new Map(moving.map((row) => {
      const text = row.cells[column].textContent.trim();
      return [row, { text, number: numeric || /^[\d−<]/.test(text) ? numberOf(text) : null }];
    }));
    if (way) moving.sort((a, b) => compare(keys.get(a), keys.get(b), way));
    body.append(...moving, ...rows.filter((row) => row.classList.contains("foot")));
  };

  const makeSortable = (table) => {
    const [body] = table.tBodies;
    const rows = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const name = head.textContent;
      if (!name.trim()) return;
      const button = make("button", { type: "button", class: "sort" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const now = { ascending: "descending", descending: null }[before];
        const next = before ? now : "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (next) head.setAttribute("aria-sort", next);
        sortRows(body, rows, column, { ascending: 1, descending: -1 }[next]);
        status.textContent = next ? `Sorted by ${name}, ${next}` : "In the order of the report";
      });
    });
  };

  // ---- Plots ----

  const NEAR = 26; // CSS pixels

  /** What the SVG of a figure tells: points and cells, see fmnist/report/figures/values.py. */
  const toldBy = (image) => {
    if (!image.src.startsWith("data:image/svg+xml;base64,")) return {};
    const bytes = Uint8Array.from(atob(image.src.split(",")[1]), (c) => c.charCodeAt(0));
    const found = new TextDecoder().decode(bytes).match(/<metadata>(.*?)<\/metadata>/s);
    if (!found) return {};
    const entities = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
    return JSON.parse(found[1].replace(/&(?:lt|gt|amp);/g, (entity) => entities[entity]));
  };

  /** A text beside a place of a plot; it stays until Escape or until the pointer has left both. */
  class Tip {
    constructor(plot) {
      this.plot = plot;
      this.box = make("div", { class: "tip", "aria-hidden": "true", hidden: "" });
      this.dot = make("div", { class: "dot", "aria-hidden": "true", hidden: "" });
      plot.append(this.dot, this.box);
    }

    /** Above a place or below it: ``upper`` and ``lower`` are its ends, in pixels of the plot. */
    show(text, x, upper, lower, dot) {
      this.box.textContent = text;
      this.box.hidden = false;
      this.dot.hidden = !dot;
      const { clientWidth: width, clientHeight: height } = this.plot;
      const left = Math.min(Math.max(x - this.box.offsetWidth / 2, 0),
        Math.max(width - this.box.offsetWidth, 0));
      const above = upper - this.box.offsetHeight;
      const top = above >= 0 ? above : Math.min(lower, height - this.box.offsetHeight);
      this.box.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
      this.dot.style.transform = `translate(${x}px, ${(upper + lower) / 2}px)`;
    }

    hide() {
      this.box.hidden = this.dot.hidden = true;
    }

    /** Whether the pointer is on the text or on its way to it. */
    holds({ clientX: x, clientY: y }) {
      if (this.box.hidden) return false;
      const { left, right, top, bottom } = this.box.getBoundingClientRect();
      return x >= left && x <= right && y >= top - 4 && y <= bottom + 4;
    }
  }

  const wrapped = (image) => {
    const plot = make("div", { class: "plot" });
    plot.style.maxWidth = `${image.getAttribute("width")}px`;
    image.before(plot);
    plot.append(image);
    return plot;
  };

  const tellPoints = (plot, tip, points, name) => {
    const slider = make("div", {
      class: "values", role: "slider", tabindex: "0", "aria-label": `Values of ${name}`,
      "aria-valuemin": "1", "aria-valuemax": points.length,
    });
    let at = 0;
    const put = (index) => {
      at = Math.min(Math.max(index, 0), points.length - 1);
      slider.setAttribute("aria-valuenow", at + 1);
      slider.setAttribute("aria-valuetext", points[at][2]);
    };
    const show = (index) => {
      put(index);
      const [x, y, text] = points[at];
      const height = y * plot.clientHeight;
      tip.show(text, x * plot.clientWidth, height - 9, height + 9, true);
    };
    const nearest = (event) => {
      const box = plot.getBoundingClientRect();
      let [best, least] = [-1, NEAR];
      points.forEach(([x, y], index) => {
        const away = Math.hypot(box.left + x * box.width - event.clientX,
          box.top + y * box.height - event.clientY);
        if (away < least) [best, least] = [index, away];
      });
      return best;
    };
    const point = (event) => {
      if (tip.holds(event)) return;
      const index = nearest(event);
      if (index >= 0) show(index);
      else tip.hide();
    };
    const steps = {
      ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10,
      Home: -Infinity, End: Infinity,
    };
    put(0);
    plot.append(slider);
    plot.append(tip.dot, tip.box); // above the slider
    slider.addEventListener("focus", () => slider.matches(":focus-visible") && show(at));
    slider.addEventListener("blur", () => tip.hide());
    slider.addEventListener("keydown", (event) => {
      if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      show(tip.box.hidden ? at : at + steps[event.key]);
    });
    plot.addEventListener("pointermove", point);
    plot.addEventListener("pointerdown", point);
    plot.addEventListener("pointerleave", () => slider.matches(":focus-visible") || tip.hide());
  };

  // ---- Confusion matrix ----

  const tellCells = (plot, tip, cells, name, images) => {
    const behind = new Map((images?.cells ?? []).map((cell) => [`${cell[0]},${cell[1]}`, cell]));
    const group = make("div", {
      class: "cells", role: "group",
      "aria-label": `Cells of ${name}: arrow keys move, Enter shows the images`,
    });
    const buttons = new Map();
    const columns = Math.max(...cells.map((cell) => cell[6])) + 1;
    cells.forEach(([x, y, w, h, text, row, column]) => {
      const button = make("button", { type: "button", "aria-label": text, tabindex: "-1" });
      const found = behind.get(`${row},${column}`);
      if (found) button.setAttribute("aria-haspopup", "dialog");
      else button.setAttribute("aria-disabled", "true");
      Object.assign(button.style, {
        left: `${100 * x}%`, top: `${100 * y}%`, width: `${100 * w}%`, height: `${100 * h}%`,
      });
      const show = () => {
        const { clientWidth: width, clientHeight: height } = plot;
        tip.show(text, (x + w / 2) * width, y * height - 3, (y + h) * height + 3, false);
      };
      button.addEventListener("focus", () => {
        buttons.forEach((other) => other.setAttribute("tabindex", other === button ? "0" : "-1"));
        show();
      });
      button.addEventListener("blur", () => tip.hide());
      button.addEventListener("pointerenter", (event) => tip.holds(event) || show());
      button.addEventListener("click", () => {
        if (found) openCell(found, text, images, button);
      });
      buttons.set(row * columns + column, button);
      group.append(button);
    });
    [...buttons.values()][0].setAttribute("tabindex", "0");
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns };
    group.addEventListener("keydown", (event) => {
      const [place] = [...buttons].find(([, button]) => button === event.target);
      const row = Math.floor(place / columns) * columns;
      const jumps = { Home: row, End: row + columns - 1 };
      const to = jumps[event.key] ?? (event.key in moves ? place + moves[event.key] : null);
      const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
      if (to === null || !buttons.has(to) || (sideways && Math.floor(to / columns) * columns !== row)) {
        if (to !== null) event.preventDefault();
        return;
      }
      event.preventDefault();
      buttons.get(to).focus();
    });
    plot.append(group, tip.box);
    plot.addEventListener("pointerleave", () => tip.hide());
  };

  const openCell = ([row, column, indices, percents], text, images, from) => {
    const own = images.cells.findIndex((cell) => cell[0] === row && cell[1] === column);
    const start = images.cells.slice(0, own).reduce((sum, cell) => sum + cell[2].length, 0);
    const tiles = indices.map((index, k) => {
      const tile = make("span", {
        class: "tile", role: "img",
        "aria-label": `Test image ${index}: ${images.names[column]} at ${percents[k]} %`,
      });
      const place = start + k;
      tile.style.setProperty("--x", place % images.columns);
      tile.style.setProperty("--y", Math.floor(place / images.columns));
      return make("li", {}, tile, make("span", { "aria-hidden": "true" }, `${percents[k]}\u202f%`),
        make("span", { class: "quiet", "aria-hidden": "true" }, `no. ${index}`));
    });
    const close = make("button", { type: "button", class: "close" }, "Close");
    const [, number] = text.match(/([\d,]+) images?$/);
    const complete = Number(number.replace(/,/g, "")) === indices.length;
    const shown = complete ? "All test images of this cell"
      : `${indices.length} of the ${number} test images of this cell`;
    const list = make("ul", { class: "tiles" }, ...tiles);
    list.style.setProperty("--columns", images.columns);
    list.style.setProperty("--sprite", `url("data:image/png;base64,${images.sprite}")`);
    const dialog = make("dialog", { "aria-labelledby": "cell-title", class: "cell" },
      make("div", { class: "cell-head" },
        make("h2", { id: "cell-title" }, text), close),
      make("p", {}, `${shown}, with the probability that the network gives to `
        + `${images.names[column]} and the number of the image in the test set; the surest first.`),
      make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Images" }, list));
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      from.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
    close.focus();
  };

  const tellValues = () => {
    const data = document.getElementById("cells");
    const images = data && JSON.parse(data.textContent);
    const tips = [];
    for (const image of all("figure .card img")) {
      const { points, cells } = toldBy(image);
      if (!points && !cells) continue;
      const name = image.closest("figure").querySelector("figcaption b").textContent.replace(/\.$/, "");
      const plot = wrapped(image);
      const tip = new Tip(plot);
      tips.push(tip);
      if (cells) tellCells(plot, tip, cells, name, images);
      else tellPoints(plot, tip, points, name);
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") tips.forEach((tip) => tip.hide());
    });
  };

  // ---- Page ----

  /** Only what scrolls needs a stop for the keyboard. */
  const watchScrollers = () => {
    const boxes = all(".scroll, .card");
    const mark = (box) => {
      const scrolls = box.scrollWidth > box.clientWidth + 1;
      if (scrolls) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    };
    const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => mark(target)));
    boxes.forEach((box) => {
      mark(box); // folded away, it has no size to observe
      observer.observe(box);
    });
  };

  /** Marks in the contents what is being read. */
  const watchPlace = () => {
    const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
    const parts = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
    const mark = () => {
      const passed = parts.filter((part) => part.getBoundingClientRect().top < innerHeight / 3);
      links.forEach((link) => link.removeAttribute("aria-current"));
      const last = passed[passed.length - 1];
      const now = last && last.getBoundingClientRect().bottom > 0 ? links.get(last.id) : null;
      now?.setAttribute("aria-current", "true");
      const nav = now?.closest("nav");
      if (nav && nav.scrollHeight > nav.clientHeight) {
        const middle = now.offsetTop - nav.clientHeight / 2;
        if (Math.abs(middle - nav.scrollTop) > nav.clientHeight / 3) nav.scrollTop = middle;
      }
    };
    let waiting = false;
    addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        mark();
      });
    }, { passive: true });
    mark();
  };

  all("table.sortable").forEach(makeSortable);
  tellValues();
  watchScrollers();
  watchPlace();
})();
