/* What charts are drawn with: the same strokes go to a canvas on screen or into an SVG document for export, so that
 * an exported picture is the one that was seen. */

import { legible } from "@/lib/legible";

export interface Ink {
    fill?: string;
    stroke?: string;
    width?: number;
    dash?: readonly number[];
    alpha?: number;
}

export interface TextInk {
    color: string;
    size?: number;
    weight?: number;
    align?: "left" | "center" | "right";
    baseline?: "top" | "middle" | "bottom";
    mono?: boolean;
}

const MOVE = 0, LINE = 1, CURVE = 2, CLOSE = 3;

/** A path as numbers, so that thousands of points cost neither strings nor objects. */
export class Path {
    readonly ops: number[] = [];
    move(x: number, y: number): this {
        this.ops.push(MOVE, x, y);
        return this;
    }
    line(x: number, y: number): this {
        this.ops.push(LINE, x, y);
        return this;
    }
    curve(x1: number, y1: number, x2: number, y2: number, x: number, y: number): this {
        this.ops.push(CURVE, x1, y1, x2, y2, x, y);
        return this;
    }
    close(): this {
        this.ops.push(CLOSE);
        return this;
    }

    /** As the "d" of an SVG path. */
    toString(): string {
        const { ops } = this;
        const out: string[] = [];
        for (let i = 0; i < ops.length; ) {
            const n = { [MOVE]: 2, [LINE]: 2, [CURVE]: 6 }[ops[i]!] ?? 0;
            out.push("MLCZ"[ops[i]!]! + ops.slice(i + 1, i + 1 + n).map(short).join(" "));
            i += n + 1;
        }
        return out.join("");
    }
}

const short = (n: number): string => String(Math.round(n * 100) / 100);

export interface Pen {
    rect(x: number, y: number, width: number, height: number, ink: Ink): void;
    path(path: Path, ink: Ink): void;
    text(x: number, y: number, text: string, ink: TextInk): void;
    /** Draws with the origin moved, and nothing outside of the size when there is one. */
    within(x: number, y: number, draw: () => void, size?: { width: number; height: number }): void;
}

export const FONT = '"Inter Variable", ui-sans-serif, system-ui, sans-serif';
const MONO = "ui-monospace, Menlo, Consolas, monospace";
const fontOf = (ink: TextInk): string => (ink.mono ? MONO : FONT);

export class CanvasPen implements Pen {
    constructor(private readonly context: CanvasRenderingContext2D) {}

    private apply(ink: Ink, shape: () => void): void {
        const c = this.context;
        c.globalAlpha = ink.alpha ?? 1;
        shape();
        if (ink.fill) {
            c.fillStyle = ink.fill;
            c.fill();
        }
        if (ink.stroke) {
            c.strokeStyle = ink.stroke;
            c.lineWidth = ink.width ?? 1;
            c.lineJoin = "round";
            c.setLineDash((ink.dash as number[]) ?? []);
            c.stroke();
        }
        c.globalAlpha = 1;
    }

    rect(x: number, y: number, width: number, height: number, ink: Ink): void {
        if (ink.fill && !ink.stroke) {
            this.context.globalAlpha = ink.alpha ?? 1;
            this.context.fillStyle = ink.fill;
            this.context.fillRect(x, y, width, height);
            this.context.globalAlpha = 1;
            return;
        }
        this.apply(ink, () => {
            this.context.beginPath();
            this.context.rect(x, y, width, height);
        });
    }

    path(path: Path, ink: Ink): void {
        const { ops } = path;
        const c = this.context;
        this.apply(ink, () => {
            c.beginPath();
            for (let i = 0; i < ops.length; ) {
                switch (ops[i]) {
                    case MOVE: c.moveTo(ops[i + 1]!, ops[i + 2]!); i += 3; break;
                    case LINE: c.lineTo(ops[i + 1]!, ops[i + 2]!); i += 3; break;
                    case CURVE: c.bezierCurveTo(ops[i + 1]!, ops[i + 2]!, ops[i + 3]!, ops[i + 4]!, ops[i + 5]!, ops[i + 6]!); i += 7; break;
                    default: c.closePath(); i += 1;
                }
            }
        });
    }

    text(x: number, y: number, text: string, ink: TextInk): void {
        const c = this.context;
        c.font = `${ink.weight ?? 400} ${ink.size ?? 11}px ${fontOf(ink)}`;
        c.fillStyle = ink.color;
        c.textAlign = ink.align ?? "left";
        c.textBaseline = ink.baseline ?? "middle";
        c.fillText(legible(text), x, y);
    }

    within(x: number, y: number, draw: () => void, size?: { width: number; height: number }): void {
        this.context.save();
        this.context.translate(x, y);
        if (size) {
            this.context.beginPath();
            this.context.rect(0, 0, size.width, size.height);
            this.context.clip();
        }
        draw();
        this.context.restore();
    }
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (s: string): string => s.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "\ufffd").replace(/[&<>"]/g, (c) => ENTITIES[c]!);

function attributes(ink: Ink): string {
    const stroke = ink.stroke
        ? ` stroke="${ink.stroke}" stroke-width="${short(ink.width ?? 1)}" stroke-linejoin="round"${ink.dash?.length ? ` stroke-dasharray="${ink.dash.join(" ")}"` : ""}`
        : "";
    return ` fill="${ink.fill ?? "none"}"${stroke}${ink.alpha === undefined || ink.alpha === 1 ? "" : ` opacity="${short(ink.alpha)}"`}`;
}

export class SvgPen implements Pen {
    private readonly out: string[] = [];
    private clips = 0;

    rect(x: number, y: number, width: number, height: number, ink: Ink): void {
        this.out.push(`<rect x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}"${attributes(ink)}/>`);
    }

    path(path: Path, ink: Ink): void {
        this.out.push(`<path d="${path.toString()}"${attributes(ink)}/>`);
    }

    text(x: number, y: number, text: string, ink: TextInk): void {
        const anchor = { left: "start", center: "middle", right: "end" }[ink.align ?? "left"];
        const baseline = { top: "text-before-edge", middle: "central", bottom: "text-after-edge" }[ink.baseline ?? "middle"];
        this.out.push(
            `<text x="${short(x)}" y="${short(y)}" fill="${ink.color}" font-size="${ink.size ?? 11}" font-weight="${ink.weight ?? 400}" ` +
                `font-family="${escaped(fontOf(ink))}" text-anchor="${anchor}" dominant-baseline="${baseline}">${escaped(legible(text))}</text>`,
        );
    }

    within(x: number, y: number, draw: () => void, size?: { width: number; height: number }): void {
        if (size) {
            const id = `c${++this.clips}`;
            this.out.push(
                `<clipPath id="${id}"><rect width="${short(size.width)}" height="${short(size.height)}"/></clipPath>` +
                    `<g transform="translate(${short(x)} ${short(y)})" clip-path="url(#${id})">`,
            );
        } else {
            this.out.push(`<g transform="translate(${short(x)} ${short(y)})">`);
        }
        draw();
        this.out.push("</g>");
    }

    document(width: number, height: number): string {
        return (
            `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
            `${this.out.join("")}</svg>\n`
        );
    }
}
