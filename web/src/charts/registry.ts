/* The charts one can choose. A new one is a folder beside these and a line here. */
import type { TimeKind } from "./base/kind";
import { line } from "./line";
import { stacked } from "./stacked";
import { stacked100 } from "./stacked100";

export interface ChartType {
    name: string;
    label: string;
    icon: string;
    kind: TimeKind;
    /** Has a place for the previous period. */
    previousPeriod: boolean;
}

export const CHARTS: readonly ChartType[] = [
    { name: "stacked", label: "Stacked", icon: "chart-stacked", kind: stacked, previousPeriod: true },
    { name: "stacked100", label: "Stacked 100 %", icon: "chart-stacked100", kind: stacked100, previousPeriod: false },
    { name: "lines", label: "Lines", icon: "chart-line", kind: line, previousPeriod: true },
];

export const chartType = (name: string): ChartType => CHARTS.find((c) => c.name === name) ?? CHARTS[0]!;
