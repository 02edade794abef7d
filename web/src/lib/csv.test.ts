import { describe, expect, it } from "vitest";
import type { LineAnswer } from "@/api/types";
import { csvCell, lineCsv, sankeyCsv } from "./csv";

const answer = {
    t: ["2026-11-21T10:00:00Z", "2026-11-21T10:01:00Z"], rows: [["AS1", "a,b"], ["Other", "Other"]], points: [[1.5, 2], [3, 4]], axis: [1, 1],
    "axis-names": { 1: "Direct" }, average: [], min: [], max: [], last: [], "95th": [],
} as LineAnswer;

describe("CSV", () => {
    it("quotes, and defuses what a spreadsheet would run", () => {
        expect([csvCell('a "b"'), csvCell("x\ny"), csvCell("=HYPERLINK(1)"), csvCell("-5"), csvCell("@x"), csvCell(1e9), csvCell(Number.NaN)])
            .toEqual(['"a ""b"""', '"x\ny"', "'=HYPERLINK(1)", "-5", "'@x", "1000000000", ""]);
    });
    it("leaves unknown buckets empty", () => {
        expect(lineCsv(answer, "l3bps", () => [false, true])).toBe(
            'Time (UTC),"AS1 / a,b (bps)",Other / Other (bps)\r\n2026-11-21T10:00:00Z,1.5,3\r\n2026-11-21T10:01:00Z,,\r\n',
        );
    });
    it("knows the previous period's own gaps, and that it is all traffic", () => {
        const two = { ...answer, rows: [["A"], ["Other"]], axis: [1, 3], "axis-names": { 1: "Direct", 3: "Previous day" } };
        expect(lineCsv(two, "l3bps", (axis) => [axis === 3, false])).toBe(
            "Time (UTC),Direct: A (bps),Previous day: Total (bps)\r\n2026-11-21T10:00:00Z,1.5,\r\n2026-11-21T10:01:00Z,2,4\r\n",
        );
    });
    it("names the direction when there are two", () => {
        const s = { rows: [["a", "b"], ["c", "d"]], xps: [1, 2], axis: [1, 2], "axis-names": { 1: "Direct", 2: "Reverse" }, nodes: [], links: [] };
        expect(sankeyCsv(s, ["X", "Y"], "pps")).toBe("Direction,X,Y,pps\r\nDirect,a,b,1\r\nReverse,c,d,2\r\n");
    });
});
