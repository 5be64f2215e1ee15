"""A finished report as files to work with: Markdown, LaTeX, Word, its figures and tables."""
