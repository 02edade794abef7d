/* What a chart over time has to say about itself; everything else is shared. */
import type { Units } from "@/api/types";
import type { Model } from "./model";

export interface TimeKind {
    /** Heights as drawn, one list per series (the reverse direction comes out negative in the chart). */
    heights(model: Model): readonly (readonly number[])[];
    stacked: boolean;
    axisLabel(height: number, units: Units): string;
    /** Fixed top of the scale, when there is one. */
    top?: number;
}
