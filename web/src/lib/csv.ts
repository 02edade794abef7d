/* Answers as comma-separated values (RFC 4180): one row per bucket, one column per series. */
import type { LineAnswer, SankeyAnswer, Units } from "@/api/types";
import { isPrevious } from "@/charts/base/model";
import { unitInfo } from "./units";

/** A cell that a spreadsheet would take for a formula gets an apostrophe: names come from routers. */
export function csvCell(value: string | number): string {
    if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
    const safe = /^[=+\-@\t\r]/.test(value) && !/^-?\d+(\.\d+)?$/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const csvLines = (rows: readonly (readonly (string | number)[])[]): string => rows.map((r) => r.map(csvCell).join(",") + "\r\n").join("");

function seriesName(answer: LineAnswer, i: number): string {
    const row = answer.rows[i]!;
    const name = row.length > 0 && !isPrevious(answer.axis[i]!) ? row.join(" / ") : "Total";
    const several = new Set(answer.axis).size > 1;
    return several ? `${answer["axis-names"][answer.axis[i]!] ?? answer.axis[i]}: ${name}` : name;
}

/** Buckets whose value is not known are empty, not zero; `unknown` says which, by axis. */
export function lineCsv(answer: LineAnswer, units: Units, unknown: (axis: number) => readonly boolean[]): string {
    const head = [`Time (UTC)`, ...answer.rows.map((_, i) => `${seriesName(answer, i)} (${unitInfo(units).suffix})`)];
    const rows = answer.t.map((t, at) => [t, ...answer.points.map((p, i) => (unknown(answer.axis[i]!)[at] ? "" : (p[at] ?? "")))]);
    return csvLines([head, ...rows]);
}

export function sankeyCsv(answer: SankeyAnswer, dimensions: readonly string[], units: Units): string {
    const several = new Set(answer.axis).size > 1;
    const head = [...(several ? ["Direction"] : []), ...dimensions, unitInfo(units).suffix];
    const rows = answer.rows.map((row, i) => [...(several ? [answer["axis-names"][answer.axis[i]!] ?? ""] : []), ...row, answer.xps[i]!]);
    return csvLines([head, ...rows]);
}
