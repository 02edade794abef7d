import { formatAxis } from "@/lib/units";
import type { TimeKind } from "../base/kind";

/** Each series from zero: compares them with one another. */
export const line: TimeKind = {
    heights: (model) => model.series.map((s) => s.values),
    stacked: false,
    axisLabel: formatAxis,
};
