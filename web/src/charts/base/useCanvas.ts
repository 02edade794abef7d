/* Life of one canvas inside a component: sized with its element, sharp on every screen, drawn at most once a frame, and never
 * for longer than a slice of a frame. Until a new picture is done the last one stays, stretched where the size is another. */
import { onMounted, onUnmounted, ref, type Ref } from "vue";
import { CanvasPen, type Pen } from "./pen";
import { advance, SLICE, type Steps } from "./steps";

/** What a canvas shows: a sheet, painted once and laid down again as long as `of` is the same, and what lies over it. */
export interface Plan {
    sheet: string;
    of: unknown;
    paint(pen: Pen): Steps;
    over?: (pen: Pen) => void;
}

interface Sheet {
    of: unknown;
    canvas: HTMLCanvasElement;
    /** What is left to be painted; null once it is done. */
    left: Iterator<number> | null;
}

/** A picture of several slices is painted anew once its size rests, in ms. */
const REST = 80;

export function useCanvas(canvas: Ref<HTMLCanvasElement | undefined>, plan: () => Plan) {
    const size = ref({ width: 0, height: 0 });
    const sheets = new Map<string, Sheet>();
    let observer: ResizeObserver | undefined;
    let asked = 0;
    let resting: ReturnType<typeof setTimeout> | undefined;
    /** The picture that is on the canvas took more than a slice. */
    let heavy = false;

    function now(): void {
        const element = canvas.value;
        const { width, height } = size.value;
        const context = width > 0 && height > 0 && resting === undefined ? element?.getContext("2d") : null;
        if (!element || !context) return;
        const ratio = window.devicePixelRatio || 1;
        const w = Math.round(width * ratio), h = Math.round(height * ratio);
        const wanted = plan();
        const own = sheetOf(wanted, w, h, ratio);
        if (own.left) draw(); // the next slice in the next frame
        const shown = own.left ? [...sheets.values()].find((s) => !s.left && s.of === wanted.of && s.canvas.width === w && s.canvas.height === h) : own;
        if (!shown) return;
        if (element.width !== w) element.width = w;
        if (element.height !== h) element.height = h;
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, width, height);
        context.drawImage(shown.canvas, 0, 0, width, height);
        wanted.over?.(new CanvasPen(context));
    }

    function sheetOf({ sheet: name, of, paint }: Plan, w: number, h: number, ratio: number): Sheet {
        let sheet = sheets.get(name);
        const fits = sheet && sheet.of === of && sheet.canvas.width === w && sheet.canvas.height === h;
        if (!sheet || !fits) {
            const own = sheet?.canvas ?? document.createElement("canvas");
            own.width = w;
            own.height = h;
            const context = own.getContext("2d")!;
            context.setTransform(ratio, 0, 0, ratio, 0, 0);
            sheet = { of, canvas: own, left: paint(new CanvasPen(context))[Symbol.iterator]() };
            sheets.set(name, sheet);
            heavy = false;
        }
        if (sheet.left && advance(sheet.left, SLICE)) sheet.left = null;
        heavy ||= sheet.left !== null;
        return sheet;
    }

    function draw(): void {
        cancelAnimationFrame(asked);
        asked = requestAnimationFrame(now);
    }

    function resized(box: { width: number; height: number }): void {
        size.value = { width: Math.round(box.width), height: Math.round(box.height) };
        if (!heavy) return now();
        clearTimeout(resting);
        resting = setTimeout(() => {
            resting = undefined;
            draw();
        }, REST);
    }

    onMounted(() => {
        const parent = canvas.value!.parentElement!;
        // The observer tells the size: asking each of fifty canvases for it would lay the page out fifty times.
        observer = new ResizeObserver((entries) => resized(entries.at(-1)!.contentRect));
        observer.observe(parent);
        // The labels' font may come later than the first picture.
        void document.fonts?.ready.then(() => {
            sheets.clear();
            draw();
        });
    });
    onUnmounted(() => {
        cancelAnimationFrame(asked);
        clearTimeout(resting);
        observer?.disconnect();
    });
    return { size, draw };
}
