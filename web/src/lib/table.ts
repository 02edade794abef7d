/* The statistics table: rows of an answer with their numbers, grouped by axis, sorted. */
import type { LineAnswer } from "@/api/types";
import type { Series } from "@/charts/base/model";

export const COLUMNS = ["min", "max", "last", "average", "95th", "total"] as const;
export type ColumnKey = (typeof COLUMNS)[number];
/** On a phone only the first ones are seen: those that were asked by. */
export const NARROW_COLUMNS: readonly ColumnKey[] = ["average", "max", "last", "95th", "min", "total"];

export interface TableRow {
    row: number;
    key: string;
    cells: string[];
    color: string;
    axis: number;
    other: boolean;
    numbers: Partial<Record<ColumnKey, number>>;
}

export interface Sorting {
    /** A statistic, a dimension by its place, or null: the order of the answer. */
    by: ColumnKey | number | null;
    down: boolean;
}

export function tableRows(answer: LineAnswer, series: readonly Series[]): TableRow[] {
    return series.map((s) => ({
        row: s.row,
        key: s.key,
        cells: answer.rows[s.row] ?? [],
        color: s.color,
        axis: s.axis,
        other: s.other,
        numbers: Object.fromEntries(COLUMNS.flatMap((c) => (answer[c]?.[s.row] === undefined ? [] : [[c, answer[c]![s.row]]]))),
    }));
}

/** "Other" stays at the end whatever the order: it is not one of the values. */
export function sortRows(rows: readonly TableRow[], sorting: Sorting): TableRow[] {
    const { by, down } = sorting;
    const sign = down ? -1 : 1;
    const compare = (a: TableRow, b: TableRow): number => {
        if (a.other !== b.other) return a.other ? 1 : -1;
        if (by === null) return a.row - b.row;
        if (typeof by === "number") return sign * (a.cells[by] ?? "").localeCompare(b.cells[by] ?? "", "en", { numeric: true });
        return sign * ((a.numbers[by] ?? 0) - (b.numbers[by] ?? 0));
    };
    return [...rows].sort((a, b) => compare(a, b) || a.row - b.row);
}

export function groupByAxis(rows: readonly TableRow[]): { axis: number; rows: TableRow[] }[] {
    const axes = [...new Set(rows.map((r) => r.axis))].sort((a, b) => a - b);
    return axes.map((axis) => ({ axis, rows: rows.filter((r) => r.axis === axis) }));
}
