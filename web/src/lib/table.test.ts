import { describe, expect, it } from "vitest";
import type { LineAnswer } from "@/api/types";
import { lineModel } from "@/charts/base/model";
import { groupByAxis, sortRows, tableRows } from "./table";

const answer: LineAnswer = {
    t: ["2026-11-21T10:00:00Z"], interval: 60,
    rows: [["9: nine"], ["10: ten"], ["Other"], ["9: nine"]], points: [[3], [1], [9], [2]], axis: [1, 1, 1, 2], "axis-names": {},
    min: [3, 1, 9, 2], max: [3, 1, 9, 2], last: [3, 1, 9, 2], average: [3, 1, 9, 2], "95th": [3, 1, 9, 2],
};
const rows = tableRows(answer, lineModel(answer, "light").series);
const order = (by: Parameters<typeof sortRows>[1]["by"], down: boolean) => sortRows(rows.filter((r) => r.axis === 1), { by, down }).map((r) => r.row);

describe("table", () => {
    it("keeps Other last", () => {
        expect(order("max", true)).toEqual([0, 1, 2]);
        expect(order("max", false)).toEqual([1, 0, 2]);
        expect(order(null, false)).toEqual([0, 1, 2]);
    });
    it("sorts names as numbers", () => expect(order(0, false)).toEqual([0, 1, 2]));
    it("has no total where the answer has none", () => expect(rows[0]!.numbers.total).toBeUndefined());
    it("groups by axis", () => expect(groupByAxis(rows).map((g) => g.rows.length)).toEqual([3, 1]));
});
