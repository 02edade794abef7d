/* The ECharts option of a chart over time. Hover, zoom and tooltip are ours (TimeChart.vue), so series are silent. */
import type { Units } from "@/api/types";
import { chartInk, type Theme } from "@/lib/palette";
import { formatTick, ticksBetween } from "@/lib/time";
import type { TimeKind } from "./kind";
import { isPrevious, isReverse, pointsOf, type Model, type Series } from "./model";

export const MARGIN = { left: 58, right: 14, top: 14, bottom: 26 };
const FONT = '"Inter Variable", ui-sans-serif, system-ui, sans-serif';

/** Heights with the reverse direction turned downwards. */
export function drawnHeights(model: Model, kind: TimeKind): number[][] {
    const heights = kind.heights(model);
    return model.series.map((s, i) => (isReverse(s.axis) ? heights[i]!.map((v) => -v) : [...heights[i]!]));
}

function seriesOption(s: Series, data: unknown, kind: TimeKind, theme: Theme, alone: boolean): object {
    const previous = isPrevious(s.axis);
    const color = previous ? chartInk[theme].previous : s.color;
    const filled = kind.stacked && !previous;
    return {
        type: "line",
        data,
        silent: true,
        symbol: "none",
        sampling: undefined,
        ...(filled ? { stack: isReverse(s.axis) ? "reverse" : "direct", stackStrategy: "all" } : {}),
        lineStyle: {
            color,
            width: previous ? 1.5 : kind.stacked ? 1 : 1.6,
            type: previous ? [5, 4] : "solid",
            join: "round",
        },
        ...(filled ? { areaStyle: { color, opacity: alone ? 0.3 : 0.82 } } : {}),
        ...(alone && filled ? { lineStyle: { color, width: 1.8 } } : {}),
        z: previous ? 5 : 3,
        emphasis: { focus: "series", lineStyle: { color, width: kind.stacked ? 1.5 : 2.6 }, areaStyle: filled ? { color, opacity: 0.95 } : undefined },
        blur: { lineStyle: { color, opacity: 0.25 }, areaStyle: filled ? { color, opacity: 0.22 } : undefined },
    };
}

/** With the reverse direction below, the line of zero lies over the areas that meet there. */
function timeAxis(model: Model, theme: Theme, width: number, mirrored: boolean): object {
    const ticks = ticksBetween(model.start, model.end, Math.max(2, Math.floor(width / 76)));
    const ink = chartInk[theme];
    return {
        type: "time",
        min: model.start,
        max: model.end,
        z: mirrored ? 6 : 0,
        axisLine: { lineStyle: { color: mirrored ? ink.previous : ink.axis }, onZero: mirrored },
        axisTick: { show: !mirrored, customValues: ticks, lineStyle: { color: ink.axis }, length: 4 },
        axisLabel: {
            customValues: ticks,
            color: ink.text,
            fontSize: 11,
            fontFamily: FONT,
            hideOverlap: true,
            showMinLabel: true,
            showMaxLabel: true,
            alignMinLabel: undefined,
            formatter: (t: number) => formatTick(new Date(t), model.end - model.start),
        },
        splitLine: { show: false },
    };
}

function valueAxis(kind: TimeKind, theme: Theme, units: Units, mirrored: boolean): object {
    const ink = chartInk[theme];
    return {
        type: "value",
        ...(kind.top === undefined ? {} : { max: kind.top, min: mirrored ? -kind.top : 0, interval: kind.top / 4 }),
        splitNumber: 4,
        axisLine: { show: false },
        axisTick: { show: false },
        splitLine: { lineStyle: { color: ink.grid } },
        axisLabel: { color: ink.text, fontSize: 11, fontFamily: FONT, formatter: (v: number) => kind.axisLabel(v, units) },
    };
}

export interface ChartContext {
    theme: Theme;
    units: Units;
    /** Pixels for the plot, to choose how many labels fit. */
    width: number;
}

export function chartOption(model: Model, kind: TimeKind, drawn: number[][], context: ChartContext): Record<string, unknown> {
    const mirrored = model.series.some((s) => isReverse(s.axis));
    const alone = model.series.filter((s) => !isPrevious(s.axis)).length === 1;
    return {
        animation: false,
        grid: { ...MARGIN, outerBoundsMode: "none" },
        xAxis: timeAxis(model, context.theme, context.width, mirrored),
        yAxis: valueAxis(kind, context.theme, context.units, mirrored),
        series: model.series.map((s, i) => seriesOption(s, pointsOf(model, drawn[i]!), kind, context.theme, alone)),
    };
}
