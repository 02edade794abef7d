/* Two questions side by side, and what changed between them. */
import type { Configuration, LineAnswer } from "@/api/types";
import { pack, text, unpack } from "./packed";
import { resolveRange, toText } from "./time";
import { defaultState, stateOf, type VisualizeState } from "./urlstate";

export interface Side {
    start: string;
    end: string;
    filter: string;
}

export interface CompareState {
    /** What both have in common: dimensions, limit, unit. */
    view: VisualizeState;
    before: Side;
    after: Side;
}

const PREFIX = "c1-";

export function encodeCompare(state: CompareState): string {
    return pack(PREFIX, state);
}

const object = (v: unknown): Record<string, unknown> => (typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Record<string, unknown>) : {});

function sideOf(v: unknown, fallback: Side): Side {
    const raw = object(v);
    return { start: text(raw["start"], fallback.start), end: text(raw["end"], fallback.end), filter: text(raw["filter"], fallback.filter, 100_000) };
}

export type Earlier = "range" | "day" | "week";

/** A view beside itself earlier: by its own length, a day or a week. null when its time cannot be read. */
export function compareWithEarlier(view: VisualizeState, by: Earlier, now: Date = new Date()): CompareState | null {
    const { range } = resolveRange(view.start, view.end, now);
    if (!range) return null;
    const back = (d: Date): Date => {
        const moved = new Date(d);
        if (by === "range") moved.setTime(d.getTime() - (range.end.getTime() - range.start.getTime()));
        else moved.setDate(d.getDate() - (by === "day" ? 1 : 7)); // the same clock, also when it is moved in between
        return moved;
    };
    const before = { start: toText(back(range.start)), end: toText(back(range.end)), filter: view.filter };
    return { view, before, after: { start: view.start, end: view.end, filter: view.filter } };
}

export function decodeCompare(encoded: string, configuration: Configuration): CompareState | null {
    const side: Side = { start: "24 hours ago", end: "now", filter: defaultState(configuration).filter };
    if (encoded === "") return { view: defaultState(configuration), before: { ...side, start: "2 days ago", end: "24 hours ago" }, after: side };
    const raw = unpack(PREFIX, encoded);
    if (!raw) return null;
    return { view: stateOf(object(raw["view"]), configuration), before: sideOf(raw["before"], side), after: sideOf(raw["after"], side) };
}

/** How large a value was on one side: exactly, or at most (it was not among those shown by name). */
export interface Amount {
    value: number;
    atMost: boolean;
}

export interface Change {
    key: string;
    cells: string[];
    other: boolean;
    before: Amount;
    after: Amount;
    /** After minus before; with an upper bound in it, the least that is certain. */
    difference: number;
    certain: boolean;
    /** Percent of what was before; null when there was nothing. */
    percent: number | null;
}

interface SideRows {
    rows: Map<string, { cells: string[]; value: number; other: boolean }>;
    /** What a value that has no row had at most. */
    most: number;
}

const SEPARATOR = "\u0000";
const isOther = (cells: readonly string[]): boolean => cells.length > 0 && cells.every((c) => c === "Other");

function sideRows(answer: LineAnswer): SideRows {
    const rows: SideRows["rows"] = new Map();
    let least = Infinity, other = 0;
    answer.rows.forEach((cells, i) => {
        if (answer.axis[i] !== 1) return;
        const value = answer.average[i] ?? 0;
        rows.set(cells.join(SEPARATOR), { cells, value, other: isOther(cells) });
        if (isOther(cells)) other = value;
        else least = Math.min(least, value);
    });
    return { rows, most: Math.min(Number.isFinite(least) ? least : 0, other) };
}

function amountOf(side: SideRows, key: string): Amount {
    const row = side.rows.get(key);
    return row ? { value: row.value, atMost: false } : { value: side.most, atMost: side.most > 0 };
}

/** Largest change first, "Other" last. */
export function changes(before: LineAnswer, after: LineAnswer): Change[] {
    const a = sideRows(before), b = sideRows(after);
    const keys = [...new Set([...b.rows.keys(), ...a.rows.keys()])];
    return keys
        .map((key): Change => {
            const row = (b.rows.get(key) ?? a.rows.get(key))!;
            const x = amountOf(a, key), y = amountOf(b, key);
            const difference = y.value - x.value;
            return {
                key, cells: row.cells, other: row.other, before: x, after: y, difference,
                certain: !x.atMost && !y.atMost,
                percent: x.value > 0 && !x.atMost && !y.atMost ? (100 * difference) / x.value : null,
            };
        })
        .sort((p, q) => Number(p.other) - Number(q.other) || Math.abs(q.difference) - Math.abs(p.difference));
}

export function total(answer: LineAnswer): number {
    return answer.average.reduce((sum, v, i) => sum + (answer.axis[i] === 1 ? v : 0), 0);
}
