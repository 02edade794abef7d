/* The Visualize page's state in its address: "v1-" and compressed JSON. Addresses come from outside: every field is
 * checked, and what does not fit is replaced by the default. A new version adds a prefix and keeps reading this one. */
import { flag, oneOf, pack, text, unpack, whole } from "./packed";
import { UNITS } from "./units";
import type { Configuration, LimitType, Units } from "@/api/types";

export interface VisualizeState {
    graphType: string;
    start: string;
    end: string;
    filter: string;
    dimensions: string[];
    limit: number;
    limitType: LimitType;
    units: Units;
    bidirectional: boolean;
    previousPeriod: boolean;
    /** How far off sampled numbers may be is drawn. */
    errorBand: boolean;
    truncateV4: number;
    truncateV6: number;
}

const PREFIX = "v1-";

export function defaultState(configuration: Configuration): VisualizeState {
    const d = configuration.defaultVisualizeOptions;
    return {
        graphType: d.graphType || "stacked",
        start: d.start || "6 hours ago",
        end: d.end || "now",
        filter: d.filter ?? "",
        dimensions: [...(d.dimensions ?? [])],
        limit: d.limit || 10,
        limitType: d.limitType || "avg",
        units: "l3bps",
        bidirectional: d.bidirectional ?? false,
        previousPeriod: d.previousPeriod ?? false,
        errorBand: false,
        truncateV4: 32,
        truncateV6: 128,
    };
}

export function encodeState(state: VisualizeState): string {
    return pack(PREFIX, state);
}

function dimensionsOf(v: unknown, known: readonly string[], fallback: string[]): string[] {
    if (!Array.isArray(v)) return fallback;
    return [...new Set(v.filter((d): d is string => typeof d === "string" && known.includes(d)))];
}

/** null: not an address this version (or an older one) wrote. */
export function decodeState(encoded: string, configuration: Configuration): VisualizeState | null {
    const raw = unpack(PREFIX, encoded);
    return raw ? stateOf(raw, configuration) : null;
}

/** A state from outside, field by field. */
export function stateOf(raw: Record<string, unknown>, configuration: Configuration): VisualizeState {
    const d = defaultState(configuration);
    return {
        graphType: text(raw["graphType"], d.graphType, 40),
        start: text(raw["start"], d.start),
        end: text(raw["end"], d.end),
        filter: text(raw["filter"], d.filter, 100_000),
        dimensions: dimensionsOf(raw["dimensions"], configuration.dimensions, d.dimensions),
        limit: whole(raw["limit"], 1, configuration.dimensionsLimit, d.limit),
        limitType: oneOf(raw["limitType"], ["avg", "max", "last"], d.limitType),
        units: oneOf(raw["units"], UNITS.map((u) => u.key), d.units),
        bidirectional: flag(raw["bidirectional"], d.bidirectional),
        previousPeriod: flag(raw["previousPeriod"], d.previousPeriod),
        errorBand: flag(raw["errorBand"], false),
        truncateV4: whole(raw["truncateV4"], 1, 32, 32),
        truncateV6: whole(raw["truncateV6"], 1, 128, 128),
    };
}
