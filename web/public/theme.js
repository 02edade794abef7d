// Runs before the first paint so that a dark page never flashes white. A file of its own because
// the Content-Security-Policy allows no inline script.
(function () {
    var choice = null;
    try {
        choice = localStorage.getItem("weir-theme");
    } catch (e) {
        /* storage may be forbidden: follow the system */
    }
    var dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.classList.toggle("dark", dark);
})();
