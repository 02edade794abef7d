import { createApp } from "vue";
import App from "./App.vue";
import { loadSession } from "./lib/session";
import { router } from "./router";
import "./style.css";

// After an upgrade an open page asks for chunks that are gone: load the new page, once.
window.addEventListener("vite:preloadError", () => {
    const key = "weir-reloaded", now = Date.now();
    if (now - Number(sessionStorage.getItem(key) ?? 0) < 30_000) return;
    sessionStorage.setItem(key, String(now));
    location.reload();
});

void loadSession();
createApp(App).use(router).mount("#app");
