import { describe, expect, it } from "vitest";
import type { LineAnswer } from "@/api/types";
import { line } from "../line";
import { stacked } from "../stacked";
import { lineModel } from "./model";
import { errorOfSum, layersOf, layoutTime, paintTime } from "./paint";
import { Path, SvgPen } from "./pen";
import { niceStep, scaleOf } from "./scale";

const answer = (over: Partial<LineAnswer> = {}): LineAnswer => ({
    t: [0, 1, 2].map((m) => new Date(Date.UTC(2026, 10, 21, 10, m)).toISOString()),
    rows: [["A"], ["B"], ["A"]], points: [[1, 2, 3], [4, 4, 4], [5, 5, 5]], axis: [1, 1, 2], "axis-names": {},
    average: [], min: [], max: [], last: [], "95th": [], interval: 60, ...over,
});
const view = (over = {}) => ({ model: lineModel(answer(over), "light"), units: "l3bps" as const, theme: "light" as const, width: 600, height: 300 });

describe("scale", () => {
    it.each([[10, 4, 2.5], [7, 5, 2], [0.9, 4, 0.25], [1e9, 3, 5e8]])("step of %d in %d", (span, n, step) => expect(niceStep(span, n)).toBeCloseTo(step));
    it("covers what is drawn, on both sides of zero", () => {
        expect(scaleOf(-7, 23, 5)).toEqual({ low: -10, high: 30, ticks: [-10, 0, 10, 20, 30] });
        expect(scaleOf(0, 0, 4).high).toBe(1);
        expect(scaleOf(-1, 1, 4, 100).ticks).toEqual([-100, -75, -50, -25, 0, 25, 50, 75, 100]);
    });
});

describe("stack", () => {
    it("grows up, and down for the reverse direction", () => {
        const { model } = view();
        const layers = layersOf(model, [[1, 2, 3], [4, 4, 4], [-5, -5, -5]], true);
        expect(layers.map((l) => l.high)).toEqual([[1, 2, 3], [5, 6, 7], [-5, -5, -5]]);
        expect(layers[1]!.low).toEqual([1, 2, 3]);
    });
    it("makes room for all of it", () => {
        const at = layoutTime({ ...view(), kind: stacked });
        expect(at.scale.high).toBeGreaterThanOrEqual(7);
        expect(at.scale.low).toBeLessThanOrEqual(-5);
        expect(at.y(at.scale.high)).toBe(at.margin.top);
    });
    it("adds the doubts of independent estimates by their squares", () => {
        const { model } = view({ rows: [["A"], ["B"]], axis: [1, 1], points: [[3], [4]], error: [[0.3], [0.4]], t: ["2026-11-21T10:00:00Z"] });
        expect(errorOfSum(model, 1)![0]).toBeCloseTo(0.5);
        expect(errorOfSum(model, 2)).toBeUndefined();
    });
});

describe("pictures", () => {
    it("writes paths", () => expect(new Path().move(0, 1.004).line(2, 3).curve(1, 1, 2, 2, 3, 3).close().toString()).toBe("M0 1L2 3C1 1 2 2 3 3Z"));
    it("are the same strokes as on screen, and safe whatever a router is called", () => {
        const pen = new SvgPen();
        paintTime(pen, { ...view(), kind: line });
        pen.text(0, 0, '<script>"&\u0001', { color: "#000" });
        const svg = pen.document(600, 300);
        expect(svg.match(/<path/g)!.length).toBeGreaterThan(5);
        expect(svg).toContain("&lt;script&gt;&quot;&amp;\ufffd");
        expect(svg).not.toMatch(/NaN|undefined/);
    });
});
