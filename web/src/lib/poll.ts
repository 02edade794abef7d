/* A value that refreshes itself on its own period. Stops while the page is hidden, catches up when it is seen again,
 * keeps the last good value when a refresh fails. The period may depend on the value. */
import { onMounted, onUnmounted, ref, shallowRef } from "vue";
import { isAbort } from "@/api/client";

export function usePoll<T>(fetcher: (signal: AbortSignal) => Promise<T>, period: number | ((value: T | undefined) => number)) {
    const periodMs = (): number => (typeof period === "number" ? period : period(data.value));
    const data = shallowRef<T>();
    const error = ref("");
    const loaded = ref(false);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let running: AbortController | undefined;
    let last = 0;

    async function refresh(): Promise<void> {
        running?.abort();
        clearTimeout(timer);
        const mine = (running = new AbortController());
        last = Date.now();
        try {
            data.value = await fetcher(mine.signal);
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
        clearTimeout(timer);
        running?.abort();
        document.removeEventListener("visibilitychange", onVisibility);
    });
    return { data, error, loaded, refresh };
}
