package io.github.batchjac.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** One result as pictures. */
final class Plots {
    private static final String FLOAT32 = "float32";

    private Plots() {}

    static List<Path> write(ResultFile result, Path folder) throws IOException {
        List<Path> written = new ArrayList<>();
        if (!Tables.ours(result).isEmpty()) {
            written.add(save(roofline(result), folder.resolve("roofline.png")));
        }
        Map<String, Double> ratios = new LinkedHashMap<>();
        Tables.ratios(result).forEach((item, ratio) -> {
            if (item.endsWith(FLOAT32)) {
                ratios.put(item.replace(" " + FLOAT32, ""), ratio);
            }
        });
        if (!ratios.isEmpty()) {
            written.add(save(ratios(ratios), folder.resolve("peers.png")));
        }
        Map<String, Map<String, List<Score>>> growth = growth(result);
        for (Map.Entry<String, Map<String, List<Score>>> e : growth.entrySet()) {
            String name = "growth-" + e.getKey().replaceFirst("/.*", "") + ".png";
            written.add(save(growth(e.getKey(), e.getValue()), folder.resolve(name)));
        }
        return written;
    }

    private static Path save(Chart<?, ?> chart, Path file) throws IOException {
        BitmapEncoder.saveBitmap(chart, file.toString(), BitmapFormat.PNG);
        return file;
    }

    /** Operations per second over operations per byte, under the lines that the machine draws. */
    private static XYChart roofline(ResultFile result) {
        XYChart chart = new XYChartBuilder()
                .width(1000)
                .height(640)
                .title("Roofline, float32")
                .xAxisTitle("operations per byte that must be moved")
                .yAxisTitle("GFLOP/s")
                .build();
        chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
        chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
        double peak = Json.number(result.limits(), "float32 FLOP/s") / 1e9;
        double bandwidth = Json.number(result.limits(), "copy B/s") / 1e9;
        double knee = peak / bandwidth;
        double[] x = {0.05, knee, 1000};
        double[] y = {0.05 * bandwidth, peak, peak};
        chart.addSeries("copy bandwidth, peak", x, y).setMarker(SeriesMarkers.NONE);
        for (Score score : Tables.ours(result)) {
            if (score.precision().equals(FLOAT32) && score.gigaflops() > 0) {
                double[] at = {score.gigaflops() / score.gigabytes()};
                double[] rate = {score.gigaflops()};
                String name = score.item() + " B" + score.batch();
                chart.addSeries(name, at, rate).setXYSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
            }
        }
        return chart;
    }

    /** Doublings, because a bar has a beginning, which a logarithmic axis does not have. */
    private static CategoryChart ratios(Map<String, Double> ratios) {
        CategoryChart chart = new CategoryChartBuilder()
                .width(1200)
                .height(720)
                .title("Against the best peer, float32: 0 is equal, 1 twice as fast, -1 half as fast")
                .yAxisTitle("log2 of the best peer's time over batchjac's")
                .build();
        chart.getStyler().setXAxisLabelRotation(60).setLegendVisible(false);
        chart.addSeries(
                "ratio",
                new ArrayList<>(ratios.keySet()),
                ratios.values().stream().map(r -> Math.log(r) / Math.log(2)).toList());
        return chart;
    }

    /** By item, then by contender. */
    private static Map<String, Map<String, List<Score>>> growth(ResultFile result) {
        Map<String, Map<String, List<Score>>> growth = new LinkedHashMap<>();
        for (Score score : result.scores()) {
            if (score.group().equals("growth")
                    && score.timed()
                    && score.precision().equals(FLOAT32)) {
                growth.computeIfAbsent(score.item(), k -> new LinkedHashMap<>())
                        .computeIfAbsent(score.contender(), k -> new ArrayList<>())
                        .add(score);
            }
        }
        return growth;
    }

    private static XYChart growth(String item, Map<String, List<Score>> contenders) {
        XYChart chart = new XYChartBuilder()
                .width(1000)
                .height(640)
                .title(item + ", float32")
                .xAxisTitle("samples")
                .yAxisTitle("nanoseconds per sample")
                .build();
        chart.getStyler().setXAxisLogarithmic(true).setYAxisLogarithmic(true);
        chart.getStyler().setLegendPosition(LegendPosition.OutsideE);
        contenders.forEach((name, scores) -> chart.addSeries(
                name,
                scores.stream().map(s -> (double) s.batch()).toList(),
                scores.stream().map(s -> s.ns() / s.batch()).toList()));
        return chart;
    }
}
