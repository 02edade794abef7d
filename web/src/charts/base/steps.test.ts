import { describe, expect, it } from "vitest";
import { line } from "../line";
import { stacked } from "../stacked";
import type { Model } from "./model";
import { layoutTime, paintForward, paintTime, stepsOfTime } from "./paint";
import type { Pen } from "./pen";
import { advance, finish, SLICE } from "./steps";

/** Counts what is painted. */
function counting(): Pen & { paths: number } {
    const pen = { paths: 0, rect: () => {}, path: () => void pen.paths++, text: () => {}, within: (_x: number, _y: number, f: () => void) => f() };
    return pen;
}

function model(series: number, points: number): Model {
    const times = Array.from({ length: points }, (_, i) => i * 60_000);
    return {
        times, interval: 60_000, start: 0, end: points * 60_000, bands: [], unknown: times.map(() => false), axisNames: {},
        series: Array.from({ length: series }, (_, row) => ({ row, key: String(row), label: "", other: false, axis: 1, color: "#888", values: times.map((_t, i) => 1 + ((i * row) % 7)) })),
    };
}
const view = (m: Model, kind: typeof stacked) => ({ model: m, kind, units: "l3bps" as const, theme: "light" as const, width: 1000, height: 400 });

/** How many frames a picture takes. */
function frames(m: Model, kind: typeof stacked): number {
    const steps = stepsOfTime(counting(), view(m, kind))[Symbol.iterator]();
    let n = 1;
    while (!advance(steps, SLICE)) n++;
    return n;
}

describe("steps", () => {
    it("stop after so much work and go on where they were", () => {
        const seen: number[] = [];
        const steps = (function* () {
            for (let i = 0; i < 5; i++) {
                seen.push(i);
                yield 10;
            }
        })();
        expect(advance(steps, 25)).toBe(false);
        expect(seen).toEqual([0, 1, 2]);
        expect(advance(steps, 25)).toBe(true);
        expect(seen).toEqual([0, 1, 2, 3, 4]);
    });

    it.each([["stacked", stacked], ["lines", line]])("%s: an everyday chart is one frame, fifty series of 500 points are several", (_, kind) => {
        expect(frames(model(11, 180), kind)).toBe(1);
        expect(frames(model(50, 500), kind)).toBeGreaterThan(3);
        expect(frames(model(50, 500), kind)).toBeLessThan(12);
    });

    it("paint in the end what is painted at once", () => {
        const stepwise = counting(), whole = counting();
        finish(stepsOfTime(stepwise, view(model(50, 500), stacked)));
        paintTime(whole, view(model(50, 500), stacked));
        expect(stepwise.paths).toBe(whole.paths);
        expect(whole.paths).toBeGreaterThan(50);
    });

    it("pointing at a series paints that series and no other", () => {
        const v = view(model(50, 500), stacked), pen = counting();
        paintForward(pen, v, "7", layoutTime(v));
        expect(pen.paths).toBe(1);
    });
});
