/* The Visualize page's state in its address: "v1-" and compressed JSON. Addresses come from outside: every field is
 * checked, and what does not fit is replaced by the default. A new version adds a prefix and keeps reading this one. */
import LZString from "lz-string";
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
        truncateV4: 32,
        truncateV6: 128,
    };
}

export function encodeState(state: VisualizeState): string {
    return PREFIX + LZString.compressToEncodedURIComponent(JSON.stringify(state));
}

const text = (v: unknown, fallback: string, most = 200): string =>
    typeof v === "string" && v.length <= most ? v : fallback;
const whole = (v: unknown, low: number, high: number, fallback: number): number =>
    typeof v === "number" && Number.isInteger(v) && v >= low && v <= high ? v : fallback;
const flag = (v: unknown, fallback: boolean): boolean => (typeof v === "boolean" ? v : fallback);
function oneOf<T extends string>(v: unknown, all: readonly T[], fallback: T): T {
    return all.includes(v as T) ? (v as T) : fallback;
}

function dimensionsOf(v: unknown, known: readonly string[], fallback: string[]): string[] {
    if (!Array.isArray(v)) return fallback;
    return [...new Set(v.filter((d): d is string => typeof d === "string" && known.includes(d)))];
}

/** null: not an address this version (or an older one) wrote. */
export function decodeState(encoded: string, configuration: Configuration): VisualizeState | null {
    if (!encoded.startsWith(PREFIX)) return null;
    let raw: Record<string, unknown>;
    try {
        const json: unknown = JSON.parse(LZString.decompressFromEncodedURIComponent(encoded.slice(PREFIX.length)) ?? "");
        if (typeof json !== "object" || json === null || Array.isArray(json)) return null;
        raw = json as Record<string, unknown>;
    } catch {
        return null;
    }
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
        truncateV4: whole(raw["truncateV4"], 1, 32, 32),
        truncateV6: whole(raw["truncateV6"], 1, 128, 128),
    };
}
