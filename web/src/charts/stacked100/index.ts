import type { TimeKind } from "../base/kind";
import { shares } from "../base/model";

/** Shares of the sum: who makes it up, whatever the sum. */
export const stacked100: TimeKind = {
    heights: (model) => shares(model.series),
    stacked: true,
    axisLabel: (height) => `${Math.abs(height)}%`,
    top: 100,
};
