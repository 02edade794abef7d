/* What was clicked in a chart or a table, for the menu of values. */
import type { Range } from "./model";

export interface Pick {
    /** Values with their dimensions, in order; empty for the whole traffic. */
    values: { dimension: string; value: string }[];
    /** Series that is meant, when it can be hidden. */
    key: string | null;
    /** The bucket, when a point was meant. */
    range?: Range;
    /** Where the menu belongs, in pixels of the window. */
    x: number;
    y: number;
}

/** A chart drawn again for a file. */
export interface Picture {
    width: number;
    height: number;
    paint(pen: import("./pen").Pen): void;
}
