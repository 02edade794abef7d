/* A page's state as a part of its address: a version and compressed JSON. */
import LZString from "lz-string";

export function pack(prefix: string, state: unknown): string {
    return prefix + LZString.compressToEncodedURIComponent(JSON.stringify(state));
}

/** null: not an address with that prefix, or a damaged one. */
export function unpack(prefix: string, encoded: string): Record<string, unknown> | null {
    if (!encoded.startsWith(prefix)) return null;
    try {
        const json: unknown = JSON.parse(LZString.decompressFromEncodedURIComponent(encoded.slice(prefix.length)) ?? "");
        return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : null;
    } catch {
        return null;
    }
}

export const text = (v: unknown, fallback: string, most = 200): string => (typeof v === "string" && v.length <= most ? v : fallback);
export const whole = (v: unknown, low: number, high: number, fallback: number): number =>
    typeof v === "number" && Number.isInteger(v) && v >= low && v <= high ? v : fallback;
export const flag = (v: unknown, fallback: boolean): boolean => (typeof v === "boolean" ? v : fallback);
export function oneOf<T extends string>(v: unknown, all: readonly T[], fallback: T): T {
    return all.includes(v as T) ? (v as T) : fallback;
}
