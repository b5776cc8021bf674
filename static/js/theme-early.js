/* Sets the chosen theme before the first paint; a classic script, so that it blocks. */
(function () {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    /* Storage is refused: the system's theme it is. */
  }
})();
