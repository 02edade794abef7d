/* A value that refreshes itself on its own period. Stops while the page is hidden, catches up when it is seen again,
 * keeps the last good value when a refresh fails. The period may depend on the value. */
import { computed, onMounted, onUnmounted, reactive, ref, shallowRef, watch } from "vue";
import { isAbort } from "@/api/client";
import { turns } from "./turns";

/** Two of the browser's six connections stay free, and no question holds one for ever. */
const inTurn = turns(4);
const PATIENCE_MS = 20_000;
/** A value that could not be had is asked for again this soon, whatever its period. */
const AGAIN_MS = 10_000;

/** What each poll of the page failed with. */
const failing = reactive(new Map<symbol, string>());
/** What at least three of them failed with: one thing is wrong, and is said once. */
export const outage = computed(() => {
    const times = new Map<string, number>();
    for (const problem of failing.values()) times.set(problem, (times.get(problem) ?? 0) + 1);
    return [...times].find(([, n]) => n >= 3)?.[0] ?? "";
});

async function inTime<T>(asker: AbortController, fetcher: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = setTimeout(() => asker.abort(new Error("No answer for 20 seconds: the store may be away.")), PATIENCE_MS);
    try {
        return await fetcher(asker.signal);
    } finally {
        clearTimeout(late);
    }
}

export function usePoll<T>(fetcher: (signal: AbortSignal) => Promise<T>, period: number | ((value: T | undefined) => number)) {
    const periodMs = (): number => {
        const ms = typeof period === "number" ? period : period(data.value);
        return error.value ? Math.min(ms, AGAIN_MS) : ms;
    };
    const data = shallowRef<T>();
    const error = ref("");
    const loaded = ref(false);
    const self = Symbol();
    watch(error, (problem) => (problem ? failing.set(self, problem) : failing.delete(self)));
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running: AbortController | undefined;
    let last = 0;

    async function refresh(): Promise<void> {
        running?.abort();
        clearTimeout(timer);
        const mine = (running = new AbortController());
        last = Date.now();
        try {
            data.value = await inTurn(mine.signal, () => inTime(mine, fetcher));
            error.value = "";
        } catch (e) {
            if (isAbort(e)) return;
            error.value = e instanceof Error ? e.message : String(e);
        }
        loaded.value = true;
        if (running === mine && !document.hidden) timer = setTimeout(refresh, periodMs());
    }

    function onVisibility(): void {
        clearTimeout(timer);
        if (document.hidden) return;
        timer = setTimeout(refresh, Math.max(0, periodMs() - (Date.now() - last)));
    }

    onMounted(() => {
        void refresh();
        document.addEventListener("visibilitychange", onVisibility);
    });
    onUnmounted(() => {
        failing.delete(self);
        clearTimeout(timer);
        running?.abort();
        document.removeEventListener("visibilitychange", onVisibility);
    });
    return { data, error, loaded, refresh };
}
