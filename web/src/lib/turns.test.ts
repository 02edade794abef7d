import { describe, expect, it } from "vitest";
import { turns } from "./turns";

const moment = () => new Promise((r) => setTimeout(r, 0));

describe("turns", () => {
    it("lets so many run at once, in their order", async () => {
        const inTurn = turns(2), signal = new AbortController().signal, begun: number[] = [], ends: (() => void)[] = [];
        const all = [0, 1, 2, 3].map((i) => inTurn(signal, () => (begun.push(i), new Promise<number>((r) => (ends[i] = () => r(i))))));
        await moment();
        expect(begun).toEqual([0, 1]);
        ends[1]!();
        await moment();
        expect(begun).toEqual([0, 1, 2]);
        ends[0]!();
        ends[2]!();
        await moment();
        ends[3]!();
        expect(await Promise.all(all)).toEqual([0, 1, 2, 3]);
    });
    it("goes on after failures and without those who gave up", async () => {
        const inTurn = turns(1), still = new AbortController(), gone = new AbortController();
        let fail: (e: Error) => void = () => {};
        const first = inTurn(still.signal, () => new Promise<never>((_, no) => (fail = no)));
        const second = inTurn(gone.signal, async () => "second"), third = inTurn(still.signal, async () => "third");
        gone.abort();
        await expect(second).rejects.toThrow(/abort/i);
        fail(new Error("no"));
        await expect(first).rejects.toThrow("no");
        expect(await third).toBe("third");
        expect(await inTurn(still.signal, async () => 4)).toBe(4);
    });
});
