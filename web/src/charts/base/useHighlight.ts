/* Brings all series of one key forward and lets the others fade. */
import { watch, type ShallowRef } from "vue";
import type { ECharts } from "./echarts";
import type { Model } from "./model";

export function useHighlight(
    chart: ShallowRef<ECharts | undefined>,
    model: () => Model,
    wanted: () => string | null,
): void {
    watch(
        () => [wanted(), model(), chart.value] as const,
        ([key, m, c]) => {
            if (!c) return;
            c.dispatchAction({ type: "downplay" });
            if (key === null || m.series.length < 2) return;
            const seriesIndex = m.series.flatMap((s, i) => (s.key === key ? [i] : []));
            if (seriesIndex.length > 0) c.dispatchAction({ type: "highlight", seriesIndex });
        },
        { flush: "post" },
    );
}
