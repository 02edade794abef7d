import { createApp } from "vue";
import App from "./App.vue";
import { loadSession } from "./lib/session";
import { router } from "./router";
import "./style.css";

void loadSession();
createApp(App).use(router).mount("#app");
