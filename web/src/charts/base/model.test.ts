import { describe, expect, it } from "vitest";
import type { LineAnswer } from "@/api/types";
import { bucketAt, lineModel, rowLabel, runsOf, seriesUnder, shares, trafficModel, unknownIn, without, type Model } from "./model";

const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 10, minute)).toISOString();
const ms = (minute: number) => Date.parse(at(minute));

function answer(over: Partial<LineAnswer> = {}): LineAnswer {
    return {
        t: [0, 1, 2, 3, 4].map(at),
        rows: [["64501: A"], ["64502: B"], ["Other"]],
        points: [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [4, 4, 4, 4, 0]],
        axis: [1, 1, 1], "axis-names": { 1: "Direct" },
        average: [], min: [], max: [], last: [], "95th": [], interval: 60, ...over,
    };
}

/** What is drawn of a series: instants and heights, with a gap between runs. */
const drawn = (m: Model, values: readonly number[]) => runsOf(m).map((run) => run.map(([t, i]) => [t, values[i]]));

describe("model", () => {
    it("gives the same values the same colour on each axis, and grey to the rest", () => {
        const m = lineModel(answer({ rows: [["A"], ["B"], ["Other"], ["B"], ["A"], ["Other"]], axis: [1, 1, 1, 2, 2, 2], points: Array(6).fill([1, 1, 1, 1, 1]) }), "light");
        const [a, b, o, b2, a2, o2] = m.series.map((s) => s.color);
        expect([a2, b2, o2]).toEqual([a, b, o]);
        expect(new Set([a, b, o]).size).toBe(3);
    });
    it("holds the last value to the end of its bucket", () => {
        const m = lineModel(answer(), "light");
        expect(drawn(m, m.series[0]!.values)[0]!.slice(-2)).toEqual([[ms(4), 5], [ms(5), 5]]);
    });
    it("never draws the incomplete bucket as a fall", () => {
        const m = lineModel(answer({ "incomplete-from": at(4) }), "light");
        expect(drawn(m, m.series[2]!.values)).toEqual([[[ms(0), 4], [ms(1), 4], [ms(2), 4], [ms(3), 4], [ms(4), 4]]]);
        expect(m.bands).toEqual([{ from: ms(4), to: ms(5), kind: "incomplete", reason: "still filling" }]);
    });
    it("draws missing time as a gap, also when it covers a part of a bucket", () => {
        const half = new Date(ms(1) + 30_000).toISOString();
        const m = lineModel(answer({ missing: [{ start: half, end: at(3), reason: "down" }] }), "light");
        expect(m.unknown).toEqual([false, true, true, false, false]);
        expect(drawn(m, m.series[0]!.values)).toEqual([[[ms(0), 1], [ms(1), 1]], [[ms(3), 4], [ms(4), 5], [ms(5), 5]]]);
    });
    it("leaves out a bucket that begins where the range ends", () => {
        const m = lineModel(answer(), "light", { start: ms(0), end: ms(4) });
        expect(drawn(m, m.series[0]!.values).at(-1)!.at(-1)).toEqual([ms(5), 5]);
        const n = lineModel(answer(), "light", { start: ms(0), end: ms(4) + 1000 });
        expect(n.end).toBe(ms(4) + 1000);
    });
    it("copes with an empty answer", () => {
        const m = lineModel(answer({ t: [], rows: [], points: [], axis: [] }), "dark", { start: 1, end: 2 });
        expect(m.series).toEqual([]);
        expect(m.times).toEqual([]);
    });
    it("leaves out what is hidden", () => {
        const m = lineModel(answer(), "light");
        expect(without(m, new Set([m.series[0]!.key])).series.map((s) => s.label)).toEqual(["64502: B", "Other"]);
    });
    it("reads the home graph", () => {
        const m = trafficModel({ data: [{ t: at(0), gbps: 1.5 }, { t: at(1), gbps: 2 }], "incomplete-from": at(1) }, "#000000");
        expect(m.series[0]!.values).toEqual([1.5e9, 2e9]);
        expect(m.unknown).toEqual([false, true]);
    });
});

describe("the previous period", () => {
    it("has no line where nothing is known of it, whatever is known now", () => {
        const day = 86_400, earlier = (minute: number) => new Date(ms(minute) - 1000 * day).toISOString();
        const m = lineModel(
            answer({
                rows: [["A"], []], axis: [1, 3], points: [[1, 2, 3, 4, 5], [0, 0, 7, 8, 9]], "incomplete-from": at(4),
                "missing-previous": [{ start: earlier(0), end: earlier(2), reason: "nothing is stored" }], "previous-shift": day,
            }),
            "light",
        );
        expect(m.previousUnknown).toEqual([true, true, false, false, false]);
        expect(runsOf(m, unknownIn(m, 3)).map((run) => run.map(([, i]) => i))).toEqual([[2, 3, 4, 4]]);
        expect(runsOf(m, unknownIn(m, 1)).map((run) => run.map(([, i]) => i))).toEqual([[0, 1, 2, 3, 3]]);
    });
});

describe("details", () => {
    it("shares add up to 100 per axis", () => {
        const m = lineModel(answer(), "light");
        const s = shares(m.series);
        for (let i = 0; i < 5; i++) expect(s.reduce((sum, row) => sum + row[i]!, 0)).toBeCloseTo(100);
    });
    it("shares of nothing are nothing", () => {
        const m = lineModel(answer({ points: [[0], [0], [0]], t: [at(0)] }), "light");
        expect(shares(m.series)).toEqual([[0], [0], [0]]);
    });
    it("finds buckets", () => {
        const m = lineModel(answer(), "light");
        expect([ms(0) - 1, ms(0), ms(1) - 1, ms(4), ms(5) - 1, ms(5)].map((x) => bucketAt(m, x))).toEqual([-1, 0, 0, 4, 4, -1]);
    });
    it("finds the series under the pointer", () => {
        const m = lineModel(answer({ rows: [["A"], ["B"], ["A"]], axis: [1, 1, 2], points: [[2], [3], [4]], t: [at(0)] }), "light");
        const drawn = [[2], [3], [-4]];
        expect([1, 2, 4.9, 6, -3, -5].map((h) => seriesUnder(m, drawn, true, 0, h))).toEqual([0, 1, 1, -1, 2, -1]);
        expect(seriesUnder(m, drawn, false, 0, 2.4)).toBe(0);
    });
    it("names rows", () => {
        expect(rowLabel([])).toBe("Total");
        expect(rowLabel(["Other", "Other"])).toBe("Other");
        expect(rowLabel(["A", ""])).toBe("A · (empty)");
    });
});
