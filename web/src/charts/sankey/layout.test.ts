import { describe, expect, it } from "vitest";
import type { SankeyAnswer } from "@/api/types";
import { layoutSankey } from "./layout";
import { labelText } from "./paint";

const answer: SankeyAnswer = {
    rows: [["A", "x", "1"], ["B", "x", "2"], ["Other", "y", "1"], ["A", "y", "Other"]], xps: [50, 30, 15, 5], axis: [1, 1, 1, 1],
    "axis-names": { 1: "Direct" }, nodes: [], links: [],
};
const frame = { width: 900, height: 400, head: 20 };

describe("sankey", () => {
    const { halves } = layoutSankey(answer, ["S", "T", "U"], frame);
    const half = halves[0]!;
    it("sums nodes and ribbons", () => {
        expect(half.nodes.filter((n) => n.column === 0).map((n) => [n.value, n.amount])).toEqual([["A", 55], ["B", 30], ["Other", 15]]);
        expect(half.ribbons.find((r) => r.source.value === "A" && r.target.value === "x")!.amount).toBe(50);
        expect(half.total).toBe(100);
    });
    it("keeps amounts to scale and inside of the frame", () => {
        const [a, b] = half.nodes;
        expect(a!.height / b!.height).toBeCloseTo(55 / 30);
        for (const n of half.nodes) expect(n.y + n.height).toBeLessThanOrEqual(frame.height + 0.001);
    });
    it("never lets nodes of a column overlap, and ends with Other", () => {
        for (const c of [0, 1, 2]) {
            const column = half.nodes.filter((n) => n.column === c).sort((p, q) => p.y - q.y);
            column.slice(1).forEach((n, i) => expect(n.y).toBeGreaterThanOrEqual(column[i]!.y + column[i]!.height));
            if (column.some((n) => n.other)) expect(column.at(-1)!.other).toBe(true);
        }
    });
    it("joins ribbons to their nodes", () => {
        for (const r of half.ribbons) {
            expect(r.from - r.thickness / 2).toBeGreaterThanOrEqual(r.source.y - 0.001);
            expect(r.to + r.thickness / 2).toBeLessThanOrEqual(r.target.y + r.target.height + 0.8);
        }
    });
    it("gives the last gap room for the labels of two columns", () => {
        const [a, b, c] = layoutSankey(answer, ["S", "T", "U"], frame).columns.map((column) => column.x);
        expect((c! - b!) / (b! - a!)).toBeCloseTo(1.6);
    });
    it("leaves out the amount before it cuts a name", () => {
        const narrow = layoutSankey({ ...answer, rows: [["A", "transit", "443"]], xps: [1e9], axis: [1] }, ["S", "T", "U"], { ...frame, width: 300 });
        const node = narrow.halves[0]!.nodes.find((n) => n.value === "transit")!;
        expect(labelText(node, narrow, 300, "l3bps")).toEqual({ name: "transit", amount: "" });
        const wide = layoutSankey({ ...answer, rows: [["A", "transit", "443"]], xps: [1e9], axis: [1] }, ["S", "T", "U"], frame);
        expect(labelText(wide.halves[0]!.nodes.find((n) => n.value === "transit")!, wide, 900, "l3bps").amount).toMatch(/Gbps/);
    });
    it("has a half for each direction", () => {
        const two = layoutSankey({ ...answer, axis: [1, 1, 2, 2] }, ["S", "T", "U"], frame);
        expect(two.halves.map((h) => h.axis)).toEqual([1, 2]);
        expect(two.halves[1]!.top).toBeGreaterThan(two.halves[0]!.bottom);
    });
});
