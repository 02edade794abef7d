/* The value axis: round ticks that cover what is drawn. */

export interface Scale {
    low: number;
    high: number;
    ticks: number[];
}

/** 1, 2, 2.5 or 5 times a power of ten, so that `wanted` steps cover the span. */
export function niceStep(span: number, wanted: number): number {
    const raw = span / Math.max(1, wanted);
    if (!(raw > 0) || !Number.isFinite(raw)) return 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].find((m) => m * power >= raw * 0.999)!;
    return step * power;
}

/** From `low` (zero or below) to `high` (zero or above), widened to whole steps; `top` fixes the upper end. */
export function scaleOf(low: number, high: number, wanted: number, top?: number): Scale {
    if (top !== undefined) {
        const ticks = [0, 0.25, 0.5, 0.75, 1].map((p) => p * top);
        return low < 0 ? { low: -top, high: top, ticks: [...ticks.slice(1).map((t) => -t).reverse(), ...ticks] } : { low: 0, high: top, ticks };
    }
    const most = high <= 0 && low >= 0 ? 1 : high;
    const step = niceStep(most - low, wanted);
    const from = Math.floor(low / step + 1e-9), to = Math.ceil(most / step - 1e-9);
    const ticks = Array.from({ length: to - from + 1 }, (_, i) => (from + i) * step);
    return { low: from * step, high: to * step, ticks };
}
