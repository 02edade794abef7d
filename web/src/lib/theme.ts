/* Light, dark, or what the system says. public/theme.js does the same before the first paint. */
import { computed, ref, watchEffect } from "vue";
import type { Theme } from "./palette";

export type ThemeChoice = "system" | "light" | "dark";
const KEY = "weir-theme";

function stored(): ThemeChoice {
    try {
        const v = localStorage.getItem(KEY);
        return v === "light" || v === "dark" ? v : "system";
    } catch {
        return "system";
    }
}

const query = window.matchMedia("(prefers-color-scheme: dark)");
const systemDark = ref(query.matches);
query.addEventListener("change", (e) => (systemDark.value = e.matches));

export const themeChoice = ref<ThemeChoice>(stored());
// What is chosen in one tab holds in all.
window.addEventListener("storage", (e) => e.key === KEY && (themeChoice.value = stored()));

export const theme = computed<Theme>(() =>
    themeChoice.value === "system" ? (systemDark.value ? "dark" : "light") : themeChoice.value,
);

watchEffect(() => document.documentElement.classList.toggle("dark", theme.value === "dark"));

/** One press always changes what is seen; going back to the system's own choice forgets ours. */
export function toggleTheme(): void {
    const next: Theme = theme.value === "dark" ? "light" : "dark";
    themeChoice.value = (next === "dark") === systemDark.value ? "system" : next;
    try {
        if (themeChoice.value === "system") localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, themeChoice.value);
    } catch {
        /* not remembered, but still switched */
    }
}
