import { createRouter, createWebHistory } from "vue-router";
import HomePage from "./pages/HomePage.vue";

const base = new URL(document.baseURI).pathname;

export const router = createRouter({
    history: createWebHistory(base),
    routes: [
        { path: "/", name: "home", component: HomePage, meta: { title: "Home" } },
        {
            path: "/visualize/:state?",
            name: "visualize",
            component: () => import("./pages/VisualizePage.vue"),
            meta: { title: "Visualize", wide: true },
        },
        {
            path: "/compare/:state?",
            name: "compare",
            component: () => import("./pages/ComparePage.vue"),
            meta: { title: "What changed", wide: true },
        },
        {
            path: "/flows/:state?",
            name: "flows",
            component: () => import("./pages/FlowsPage.vue"),
            meta: { title: "Raw flows", wide: true },
        },
        {
            path: "/docs/:name?",
            name: "docs",
            component: () => import("./pages/DocsPage.vue"),
            meta: { title: "Documentation" },
        },
        {
            path: "/:rest(.*)*",
            name: "missing",
            component: () => import("./pages/MissingPage.vue"),
            meta: { title: "Not found" },
        },
    ],
    // Visualize stays where it is while its state changes; the documentation scrolls by itself once it is loaded.
    scrollBehavior: (to, from) => (to.name === from.name || to.name === "docs" ? undefined : { top: 0 }),
});

router.afterEach((to) => {
    const title = to.meta["title"];
    document.title = typeof title === "string" ? `${title} · weir` : "weir";
});
