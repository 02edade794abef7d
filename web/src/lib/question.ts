/* The Visualize page's conversation with the server: one question at a time, a new one takes the place of the old,
 * which is aborted all the way into the store. */
import { computed, onUnmounted, ref, shallowRef } from "vue";
import { api, isAbort } from "@/api/client";
import type { LineRequest, LineResult } from "@/api/types";
import { resolveRange } from "./time";
import type { VisualizeState } from "./urlstate";

/** As many as can be seen: on a phone's width more would only be noise. */
const points = (): number => (window.innerWidth < 640 ? 100 : 200);

export interface Answered {
    state: VisualizeState;
    range: { start: number; end: number };
    result: LineResult;
}

export function requestOf(state: VisualizeState, range: { start: Date; end: Date }, previousPeriod: boolean): LineRequest {
    const second = (d: Date) => new Date(Math.floor(d.getTime() / 1000) * 1000).toISOString().replace(".000Z", "Z");
    return {
        start: second(range.start),
        end: second(range.end),
        points: points(),
        dimensions: state.dimensions,
        limit: state.limit,
        limitType: state.limitType,
        filter: state.filter,
        units: state.units,
        bidirectional: state.bidirectional,
        "previous-period": previousPeriod,
        "truncate-v4": state.truncateV4,
        "truncate-v6": state.truncateV6,
    };
}

export function useQuestion() {
    const answered = shallowRef<Answered>();
    const error = ref("");
    const busy = ref(false);
    const cancelled = ref(false);
    let running: AbortController | undefined;

    async function ask(state: VisualizeState, previousPeriod: boolean): Promise<void> {
        running?.abort();
        running = undefined;
        cancelled.value = false;
        busy.value = false;
        const { range, error: problem } = resolveRange(state.start, state.end);
        error.value = problem ?? "";
        if (!range) return;
        const mine = (running = new AbortController());
        busy.value = true;
        try {
            const result = await api.line(requestOf(state, range, previousPeriod), mine.signal);
            answered.value = { state, range: { start: range.start.getTime(), end: range.end.getTime() }, result };
            if (result.sql) console.info(result.sql);
        } catch (e) {
            if (!isAbort(e)) {
                error.value = e instanceof Error ? e.message : String(e);
                answered.value = undefined;
            }
        }
        if (running === mine) busy.value = false;
    }

    function cancel(): void {
        running?.abort();
        cancelled.value = true;
        busy.value = false;
    }

    onUnmounted(() => running?.abort());
    return { answered: computed(() => answered.value), error, busy, cancelled, ask, cancel };
}
