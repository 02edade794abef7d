/* The charts one can choose. A new one is a folder beside these and a line here. */
import { defineAsyncComponent, type Component } from "vue";
import TimeChart from "./base/TimeChart.vue";
import type { TimeKind } from "./base/kind";
import { line } from "./line";
import { stacked } from "./stacked";
import { stacked100 } from "./stacked100";

export interface ChartType {
    name: string;
    label: string;
    icon: string;
    /** Which question it draws the answer of. */
    asks: "line" | "sankey";
    component: Component;
    /** How a chart over time is drawn. */
    kind?: TimeKind;
    /** Has a place for the previous period, and for the reverse direction. */
    previousPeriod: boolean;
    bidirectional: boolean;
    /** Can show how far off sampled numbers may be. */
    errorBand: boolean;
    /** Buckets it can show, beside the screen's own limit. */
    points: number;
    /** Dimensions without which there is nothing to draw. */
    dimensions: number;
    /** As high as its content instead of as the frame. */
    grows?: boolean;
}

const overTime = { asks: "line", component: TimeChart, bidirectional: true, points: 240, dimensions: 0 } as const;

export const CHARTS: readonly ChartType[] = [
    { name: "stacked", label: "Stacked", icon: "chart-stacked", kind: stacked, previousPeriod: true, errorBand: true, ...overTime },
    { name: "stacked100", label: "Stacked 100 %", icon: "chart-stacked100", kind: stacked100, previousPeriod: false, errorBand: false, ...overTime },
    { name: "lines", label: "Lines", icon: "chart-line", kind: line, previousPeriod: true, errorBand: true, ...overTime },
    {
        name: "grid", label: "Grid", icon: "chart-grid", asks: "line", component: defineAsyncComponent(() => import("./grid/GridChart.vue")),
        previousPeriod: false, errorBand: true, bidirectional: true, points: 60, dimensions: 1, grows: true,
    },
    {
        name: "sankey", label: "Sankey", icon: "chart-sankey", asks: "sankey", component: defineAsyncComponent(() => import("./sankey/SankeyChart.vue")),
        previousPeriod: false, errorBand: false, bidirectional: true, points: 0, dimensions: 2,
    },
    {
        name: "heatmap", label: "Heat map", icon: "chart-heatmap", asks: "line", component: defineAsyncComponent(() => import("./heatmap/HeatmapChart.vue")),
        previousPeriod: false, errorBand: false, bidirectional: false, points: 120, dimensions: 1, grows: true,
    },
];

export const chartType = (name: string): ChartType => CHARTS.find((c) => c.name === name) ?? CHARTS[0]!;
