import { describe, expect, it } from "vitest";
import type { Configuration, LineAnswer } from "@/api/types";
import { changes, compareWithEarlier, decodeCompare, encodeCompare, total } from "./compare";
import { defaultState } from "./urlstate";

const configuration: Configuration = {
    version: "t",
    defaultVisualizeOptions: { graphType: "stacked", start: "6 hours ago", end: "now", filter: "", dimensions: ["SrcAS"], limit: 10, limitType: "avg", bidirectional: false, previousPeriod: false },
    dimensionsLimit: 50, dimensions: ["SrcAS"], truncatable: [], homepageTopWidgets: [], branding: false,
};
const answer = (rows: [string, number][]): LineAnswer => ({
    t: [], rows: rows.map(([name]) => [name]), points: [], axis: rows.map(() => 1), "axis-names": {}, average: rows.map(([, v]) => v), min: [], max: [], last: [], "95th": [],
});

describe("what changed", () => {
    it("puts the largest change first and Other last", () => {
        const list = changes(answer([["A", 100], ["B", 50], ["Other", 10]]), answer([["A", 90], ["B", 80], ["Other", 500]]));
        expect(list.map((c) => [c.cells[0], c.difference, c.percent])).toEqual([["B", 30, 60], ["A", -10, -10], ["Other", 490, 4900]]);
    });
    it("does not take for zero what was merely not shown", () => {
        const [first] = changes(answer([["A", 100], ["B", 20], ["Other", 30]]), answer([["A", 100], ["C", 70], ["Other", 30]]));
        expect(first).toMatchObject({ cells: ["C"], before: { value: 20, atMost: true }, difference: 50, certain: false, percent: null });
    });
    it("knows zero when everything was shown", () => {
        const list = changes(answer([["A", 100]]), answer([["A", 100], ["C", 7]]));
        expect(list[0]).toMatchObject({ cells: ["C"], before: { value: 0, atMost: false }, certain: true, percent: null });
    });
    it("never bounds by more than all the others together had", () => {
        const list = changes(answer([["A", 100], ["Other", 3]]), answer([["C", 70]]));
        expect(list.find((c) => c.cells[0] === "C")!.before).toEqual({ value: 3, atMost: true });
    });
    it("sums", () => expect(total(answer([["A", 1], ["Other", 2]]))).toBe(3));
});

describe("state", () => {
    const now = new Date(2026, 10, 21, 12, 0);
    it("comes back as it went", () => {
        const state = compareWithEarlier({ ...defaultState(configuration), filter: "Proto = 6" }, "range", now)!;
        expect(state.before).toEqual({ start: "2026-11-21 00:00", end: "2026-11-21 06:00", filter: "Proto = 6" });
        expect(decodeCompare(encodeCompare(state), configuration)).toEqual(state);
    });
    it("goes a day or a week back", () => {
        const view = defaultState(configuration);
        expect(compareWithEarlier(view, "day", now)!.before).toMatchObject({ start: "2026-11-20 06:00", end: "2026-11-20 12:00" });
        expect(compareWithEarlier(view, "week", now)!.before).toMatchObject({ start: "2026-11-14 06:00" });
    });
    it("refuses what it does not know", () => expect(decodeCompare("c1-%%", configuration)).toBeNull());
});
