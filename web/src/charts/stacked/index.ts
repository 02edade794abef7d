import { formatAxis } from "@/lib/units";
import type { TimeKind } from "../base/kind";

/** Series on top of each other: their sum and who makes it up. */
export const stacked: TimeKind = {
    heights: (model) => model.series.map((s) => s.values),
    stacked: true,
    axisLabel: formatAxis,
};
