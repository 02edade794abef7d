import { describe, expect, it } from "vitest";
import { matchCommands, type Command } from "./commands";

const command = (group: string, label: string, hint = ""): Command => ({ group, label, hint, run: () => {} });
const all = [command("Chart", "Stacked"), command("Chart", "Stacked 100 %"), command("Split by", "Split by SrcAS"), command("Time", "Last 24 hours"), command("Unit", "Packets/s", "packets per second")];

describe("commands", () => {
    it("are found by the beginnings of their words", () => {
        expect(matchCommands(all, "srcas", 5).map((c) => c.label)).toEqual(["Split by SrcAS"]);
        expect(matchCommands(all, "last 24", 5)[0]!.label).toBe("Last 24 hours");
        expect(matchCommands(all, "stack", 5).map((c) => c.label)).toEqual(["Stacked", "Stacked 100 %"]);
    });
    it("need every word, and take what is said beside them", () => {
        expect(matchCommands(all, "per second", 5).map((c) => c.label)).toEqual(["Packets/s"]);
        expect(matchCommands(all, "stacked hours", 5)).toEqual([]);
        expect(matchCommands(all, "(", 5)).toEqual([]);
    });
    it("are all there at first", () => expect(matchCommands(all, " ", 3)).toHaveLength(3));
});
