import { describe, expect, it } from "vitest";
import { fitText, legible } from "./legible";

describe("names from outside", () => {
    it("show what would turn the writing around", () => {
        expect(legible("in\u202egpj.exe")).toBe("in\ufffdgpj.exe");
        expect(legible("a\u2066b\u0007c\u200bd")).toBe("a\ufffdb\ufffdc\ufffdd");
        expect(legible("Zürich — 東京 🚀 <b>")).toBe("Zürich — 東京 🚀 <b>");
    });
    it("are cut to the room there is", () => {
        expect(fitText("abc", 100, 10, "x")).toBe("abc");
        expect(fitText("abcdefghijklmnop", 54, 10, "x")).toBe("abcdefghi…");
        expect(fitText("abcdef", 1, 10, "x")).toBe("a…");
    });
});
