/* Colours of series. Twenty hues whose distance was searched for in OKLab under normal, protanopic and deuteranopic
 * sight (palette.test.ts holds them to it); neighbours in the list, which are neighbours in a stack, differ most. */

const LIGHT = [
    "#427de0", "#f38b00", "#1eaa96", "#bd437a", "#6f50b8", "#edc112", "#039bc8", "#8e4d31", "#89b56d", "#d9534f",
    "#97bafa", "#f2b768", "#67c9a6", "#f2afda", "#b19de0", "#8b7200", "#237192", "#b88e79", "#5e8347", "#f5a29a",
] as const;
const DARK = [
    "#619af9", "#f39e23", "#55cbac", "#d86fab", "#886cd1", "#f8c836", "#56c6ec", "#c46b50", "#a1e18f", "#f07f6c",
    "#3962a6", "#ba6900", "#038883", "#c8506a", "#715cc4", "#a9912e", "#257b99", "#eccdbd", "#5d8a37", "#a13e40",
] as const;

export const PALETTES = { light: LIGHT, dark: DARK };

const OTHER = { light: "#a3adb6", dark: "#5e6c78" };

export type Theme = "light" | "dark";

export function seriesColor(rank: number, theme: Theme): string {
    const colors = PALETTES[theme];
    return colors[rank % colors.length]!;
}

/** What is left over is grey, so that it never passes for a value of its own. */
export const otherColor = (theme: Theme): string => OTHER[theme];

/** The inks a canvas needs, which cannot read CSS variables. */
export const chartInk = {
    light: { text: "#5f6d7a", grid: "#e6eaee", axis: "#c5ced6", surface: "#ffffff", accent: "#0f6c8c", previous: "#45525f" },
    dark: { text: "#8b99a6", grid: "#222d37", axis: "#3c4b58", surface: "#141c23", accent: "#55b9db", previous: "#b3bfca" },
} as const;
