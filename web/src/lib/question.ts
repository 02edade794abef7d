/* The Visualize page's conversation with the server: one question at a time, a new one takes the place of the old,
 * which is aborted all the way into the store. */
import { computed, onUnmounted, ref, shallowRef } from "vue";
import { api, ApiError, isAbort } from "@/api/client";
import type { LineRequest, LineResult, SankeyRequest, SankeyResult } from "@/api/types";
import { chartType, type ChartType } from "@/charts/registry";
import { resolveRange, type Range } from "./time";
import type { VisualizeState } from "./urlstate";

export interface Answered {
    state: VisualizeState;
    chart: ChartType;
    range: { start: number; end: number };
    /** One of them, by what the chart asks. */
    line?: LineResult;
    sankey?: SankeyResult;
}

/** As many as can be seen: on a phone's width more would only be noise. */
const pointsOf = (chart: ChartType): number => Math.min(chart.points || 20, window.innerWidth < 640 ? 100 : 240);

const second = (d: Date): string => new Date(Math.floor(d.getTime() / 1000) * 1000).toISOString().replace(".000Z", "Z");

export function sankeyRequest(state: VisualizeState, range: Range): SankeyRequest {
    return {
        start: second(range.start),
        end: second(range.end),
        dimensions: state.dimensions,
        limit: state.limit,
        limitType: state.limitType,
        filter: state.filter,
        units: state.units,
        bidirectional: state.bidirectional,
        "truncate-v4": state.truncateV4,
        "truncate-v6": state.truncateV6,
    };
}

export function lineRequest(state: VisualizeState, range: Range, chart: ChartType): LineRequest {
    return {
        ...sankeyRequest(state, range),
        points: pointsOf(chart),
        bidirectional: state.bidirectional && chart.bidirectional,
        "previous-period": state.previousPeriod && chart.previousPeriod,
        ...(state.errorBand && chart.errorBand ? { "error-band": true } : {}),
    };
}

/** What has to change before the same state is worth a new question. */
export function questionKey(state: VisualizeState): string {
    const chart = chartType(state.graphType);
    const { graphType: _, ...rest } = state;
    return JSON.stringify([rest, chart.asks, chart.points, chart.previousPeriod && state.previousPeriod, chart.bidirectional && state.bidirectional, chart.errorBand && state.errorBand]);
}

export function useQuestion() {
    const answered = shallowRef<Answered>();
    const error = ref("");
    /** Of the answer that was none: 400 is a mistake in the question, 0 no connection. */
    const status = ref(200);
    const busy = ref(false);
    const cancelled = ref(false);
    /** Asked again by itself: what is shown stays until the new answer is whole, and when there is none. */
    const quiet = ref(false);
    const stale = ref("");
    let running: AbortController | undefined;

    async function ask(state: VisualizeState, again = false): Promise<void> {
        running?.abort();
        quiet.value = again && answered.value !== undefined;
        const looks = !quiet.value;
        if (looks) stale.value = "";
        running = undefined;
        cancelled.value = false;
        busy.value = false;
        const { range, error: problem } = resolveRange(state.start, state.end);
        error.value = problem ?? "";
        status.value = problem ? 400 : 200;
        const chart = chartType(state.graphType);
        if (!range) return;
        if (state.dimensions.length < chart.dimensions) {
            answered.value = undefined; // the page says what is needed
            return;
        }
        const mine = (running = new AbortController());
        busy.value = true;
        try {
            const show = (result: { line?: LineResult; sankey?: SankeyResult }) =>
                (answered.value = { state, chart, range: { start: range.start.getTime(), end: range.end.getTime() }, ...result });
            const result =
                chart.asks === "line"
                    ? { line: await api.line(lineRequest(state, range, chart), mine.signal, looks ? (line) => show({ line }) : undefined) }
                    : { sankey: await api.sankey(sankeyRequest(state, range), mine.signal, looks ? (sankey) => show({ sankey }) : undefined) };
            show(result);
            stale.value = "";
            const sql = (result.line ?? result.sankey)?.sql;
            if (sql) console.info(sql);
        } catch (e) {
            const problem = e instanceof Error ? e.message : String(e);
            if (!isAbort(e) && !looks) stale.value = problem;
            else if (!isAbort(e)) {
                error.value = problem;
                status.value = e instanceof ApiError ? e.status : 500;
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
    return { answered: computed(() => answered.value), error, status, busy, cancelled, quiet, stale, ask, cancel };
}
