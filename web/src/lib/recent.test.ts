import { describe, expect, it } from "vitest";
import { added } from "./recent";

describe("recent views", () => {
    const view = (n: number) => ({ state: `v1-${n}`, title: `view ${n}`, at: n });
    it("come once, newest first", () => {
        const list = [1, 2, 3, 1].reduce((l, n) => added(l, view(n)), [] as ReturnType<typeof view>[]);
        expect(list.map((r) => r.title)).toEqual(["view 1", "view 3", "view 2"]);
    });
    it("are not kept without end", () => {
        let list: ReturnType<typeof view>[] = [];
        for (let i = 0; i < 100; i++) list = added(list, view(i));
        expect(list).toHaveLength(30);
        expect(list[0]!.title).toBe("view 99");
    });
});
