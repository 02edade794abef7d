/* Numbers as people read them: three significant digits, SI prefixes, the unit's name. */
import type { Units } from "@/api/types";

export interface UnitInfo {
    key: Units;
    /** Short, for the toolbar. */
    label: string;
    /** What it measures, in words. */
    description: string;
    suffix: string;
    percent: boolean;
}

export const UNITS: readonly UnitInfo[] = [
    { key: "l3bps", label: "L3 bit/s", description: "IP bits per second", suffix: "bps", percent: false },
    { key: "l2bps", label: "L2 bit/s", description: "Ethernet bits per second (38 bytes more per packet)", suffix: "bps", percent: false },
    { key: "pps", label: "Packets/s", description: "packets per second", suffix: "pps", percent: false },
    { key: "fps", label: "Flows/s", description: "flow records per second", suffix: "fps", percent: false },
    { key: "inl2%", label: "In %", description: "percent of the input interface's speed", suffix: "%", percent: true },
    { key: "outl2%", label: "Out %", description: "percent of the output interface's speed", suffix: "%", percent: true },
];

const byKey = new Map(UNITS.map((u) => [u.key, u]));
export const unitInfo = (key: Units): UnitInfo => byKey.get(key) ?? UNITS[0]!;

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** 1234567 -> { text: "1.23", prefix: "M" }. Rounds before choosing the prefix, so 999.9 becomes 1.00 k. */
function scaled(value: number): { text: string; prefix: string } {
    let magnitude = Math.abs(value);
    let step = 0;
    while (step < PREFIXES.length - 1 && Number(magnitude.toPrecision(3)) >= 1000) {
        magnitude /= 1000;
        step++;
    }
    const digits = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude === 0 ? 0 : 2;
    const text = step === 0 && Number.isInteger(magnitude) ? String(magnitude) : magnitude.toFixed(digits);
    return { text: (value < 0 && magnitude > 0 ? "\u2212" : "") + text, prefix: PREFIXES[step]! };
}

/** A bare number with SI prefix: "1.23M". */
export function formatSi(value: number): string {
    if (!Number.isFinite(value)) return "–";
    const { text, prefix } = scaled(value);
    return text + prefix;
}

export function formatPercent(value: number): string {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    const digits = size >= 10 || size === 0 ? 1 : size >= 0.1 ? 2 : 3;
    return `${value < 0 ? "\u2212" : ""}${size.toFixed(digits)}\u00a0%`;
}

/** A rate in the given unit: "1.23 Gbps", "12.3 %". */
export function formatRate(value: number, units: Units): string {
    const info = unitInfo(units);
    if (!Number.isFinite(value)) return "–";
    if (info.percent) return formatPercent(value);
    const { text, prefix } = scaled(value);
    return `${text}\u00a0${prefix}${info.suffix}`;
}

/** For axis labels: no trailing zeros, no sign (the reverse direction is drawn downwards, not negative). */
export function formatAxis(value: number, units: Units): string {
    const size = Math.abs(value);
    if (unitInfo(units).percent) return `${Number(size.toPrecision(6))}%`;
    if (size === 0) return "0";
    const { text, prefix } = scaled(size);
    return `${Number(text)}${prefix}`;
}

/** Totals: the API counts bits for the two bit units; people read bytes. */
export function formatTotal(value: number, units: Units): string {
    if (!Number.isFinite(value)) return "–";
    const bits = units === "l3bps" || units === "l2bps";
    const { text, prefix } = scaled(bits ? value / 8 : value);
    const what = bits ? "B" : units === "pps" ? "packets" : "flows";
    return bits ? `${text}\u00a0${prefix}${what}` : `${text}${prefix}\u00a0${what}`;
}

export function formatBytes(value: number): string {
    const { text, prefix } = scaled(value);
    return `${text}\u00a0${prefix}B`;
}

export const formatInteger = (value: number): string => Math.round(value).toLocaleString("en-US").replace(/,/g, "\u202f");
