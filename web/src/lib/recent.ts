/* The views one looked at, newest first, in this browser. */
import { ref } from "vue";
import { encodeState, type VisualizeState } from "./urlstate";

export interface Recent {
    /** As in the address. */
    state: string;
    title: string;
    /** When it was looked at last, ms. */
    at: number;
}

const KEY = "weir-recent";
const MOST = 30;

function stored(): Recent[] {
    try {
        const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
        if (!Array.isArray(list)) return [];
        return list.filter((r): r is Recent => typeof r?.state === "string" && typeof r?.title === "string" && typeof r?.at === "number").slice(0, MOST);
    } catch {
        return [];
    }
}

export const recent = ref<Recent[]>(stored());

/** The same view moves to the front instead of coming twice. */
export function added(list: readonly Recent[], entry: Recent): Recent[] {
    return [entry, ...list.filter((r) => r.state !== entry.state && r.title !== entry.title)].slice(0, MOST);
}

function keep(list: Recent[]): void {
    recent.value = list;
    try {
        localStorage.setItem(KEY, JSON.stringify(list));
    } catch {
        /* kept until the page is closed */
    }
}

export function remember(state: VisualizeState, title: string): void {
    keep(added(recent.value, { state: encodeState(state), title, at: Date.now() }));
}

export const forget = (): void => keep([]);
