/* Life of one ECharts instance inside a component: loaded on demand, sized with its element, disposed with it. */
import { onMounted, onUnmounted, ref, shallowRef, type Ref } from "vue";
import type { ECharts } from "./echarts";

export function useEcharts(element: Ref<HTMLElement | undefined>, draw: (chart: ECharts) => void) {
    const chart = shallowRef<ECharts>();
    const size = ref({ width: 0, height: 0 });
    let observer: ResizeObserver | undefined;
    let gone = false;

    function measure(): void {
        const el = element.value;
        if (!el || !el.clientWidth) return;
        size.value = { width: el.clientWidth, height: el.clientHeight };
        chart.value?.resize();
        if (chart.value) draw(chart.value);
    }

    onMounted(async () => {
        const { create } = await import("./echarts");
        if (gone || !element.value) return;
        chart.value = create(element.value);
        observer = new ResizeObserver(measure);
        observer.observe(element.value);
        measure();
    });
    onUnmounted(() => {
        gone = true;
        observer?.disconnect();
        chart.value?.dispose();
    });
    return { chart, size };
}
