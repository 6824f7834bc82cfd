package io.github.batchjac.bench;

import static io.github.batchjac.graph.Functions.add;
import static io.github.batchjac.graph.Functions.input;
import static io.github.batchjac.graph.Functions.linear;
import static io.github.batchjac.graph.Functions.softmax;
import static io.github.batchjac.graph.Functions.tanh;

import io.github.batchjac.backend.Backend;
import io.github.batchjac.backend.Backends;
import io.github.batchjac.bench.ResultFile.OrderScore;
import io.github.batchjac.graph.Graph;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Order;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.tensor.Precision;
import io.github.batchjac.tensor.Tensor;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Networks whose Jacobian costs more in one order of its products than in another: each is timed in forward, reverse and the chosen order. */
final class Orders {
    private Orders() {}

    /** Input Jacobians of networks; the batch is what a result of moderate size allows. */
    static List<Item> items() {
        Map<String, Value> nets = new LinkedHashMap<>();
        nets.put("bottleneck 256-8-256", layers(256, 8, 256));
        nets.put("bottleneck 128-64-4-64-128", layers(128, 64, 4, 64, 128));
        nets.put("wide in, narrow out 512-128-64-4", layers(512, 128, 64, 4));
        nets.put("narrow in, wide out 4-64-128-512", layers(4, 64, 128, 512));
        nets.put("softmax head 256-64-10", softmax(affine(3, 10, 64, layers(256, 64))));
        nets.put(
                "softmax bottleneck 128-6-128",
                softmax(affine(3, 128, 6, softmax(affine(2, 6, 128, input("x", 128))))));
        nets.put("deep linear 64-64-64-64-8-64", linearLayers(64, 64, 64, 64, 8, 64));
        Value x = input("x", 64);
        nets.put("residual 64-16-64", add(x, affine(2, 64, 16, tanh(affine(1, 16, 64, x)))));
        List<Item> items = new ArrayList<>();
        nets.forEach((name, output) -> {
            Graph graph = Graph.of(output);
            int columns = graph.named("x").size();
            int rows = output.size();
            int batch = Math.max(16, Math.min(1024, 4_000_000 / (rows * columns)));
            items.add(item(name, batch, graph));
        });
        return items;
    }

    private static Item item(String name, int batch, Graph graph) {
        double columns = graph.named("x").size();
        double rows = graph.output().size();
        Work work = new Work(batch * columns, batch * rows * columns, 0);
        // widths of a few hundred, no amplification: what is compared is that the orders agree
        Tolerance tolerance = new Tolerance(4096, 16);
        String size = name.replace(' ', '_');
        return new Item("orders", "order", size, batch, graph, Request.jacobian("x"), 0, List.of("x"), work, tolerance);
    }

    private static Value affine(int layer, int m, int n, Value x) {
        return linear(Items.weights("W" + layer, m, n), Items.weights("b" + layer, m, 0), x);
    }

    private static Value layers(int... widths) {
        Value x = input("x", widths[0]);
        for (int l = 1; l < widths.length; l++) {
            x = tanh(affine(l, widths[l], widths[l - 1], x));
        }
        return x;
    }

    private static Value linearLayers(int... widths) {
        Value x = tanh(input("x", widths[0]));
        for (int l = 1; l < widths.length; l++) {
            x = affine(l, widths[l], widths[l - 1], x);
        }
        return x;
    }

    /** All orders of all items, in turns. What is wrong is added to {@code faults}. */
    static List<OrderScore> run(List<Item> items, int threads, Duel.Pace pace, List<String> faults, PrintStream out) {
        List<OrderScore> scores = new ArrayList<>();
        try (Backend cpu = Backends.cpu(threads)) {
            for (Item item : items) {
                run(item, cpu, pace, faults, scores);
            }
        }
        scores.forEach(s -> out.printf("  %-36s %-9s %s%n", s.item(), s.order(), Text.time(s.ns())));
        return scores;
    }

    private static void run(Item item, Backend cpu, Duel.Pace pace, List<String> faults, List<OrderScore> scores) {
        Map<String, Tensor> files = item.files(Precision.F32);
        Reference reference = Reference.of(item, item.files(Precision.F64));
        Map<Order, Prepared> prepared = new EnumMap<>(Order.class);
        List<List<Double>> rounds = new ArrayList<>();
        for (Order order : Order.values()) {
            Prepared one = Prepared.of(item, Precision.F32, cpu, files, order);
            prepared.put(order, one);
            Map<String, Tensor> some = new LinkedHashMap<>();
            one.results().forEach((name, tensor) -> some.put(name, Item.every(reference.step(), tensor)));
            Reference.Verdict verdict = reference.compare(some, Precision.F32);
            if (!verdict.right()) {
                faults.add(item + " in order " + order + ": " + verdict.fault());
            }
            Stopwatch.time(pace.warmMs() / 2, one::run);
            rounds.add(new ArrayList<>());
        }
        for (int round = 0; round < pace.rounds(); round++) {
            prepared.forEach((order, one) -> rounds.get(order.ordinal()).add(Stopwatch.time(pace.ms(), one::run)));
        }
        prepared.forEach((order, one) -> {
            Plan plan = one.plan();
            double batch = item.batch();
            scores.add(new OrderScore(
                    item.size().replace('_', ' '),
                    item.batch(),
                    order.name().toLowerCase(java.util.Locale.ROOT),
                    String.valueOf(plan.order()),
                    plan.work().flops(batch),
                    plan.work().elements(batch) * Precision.F32.bytes(),
                    plan.cost().seconds(plan.work(), batch, Precision.F32) * 1e9,
                    Statistics.median(rounds.get(order.ordinal()))));
            one.close();
        });
    }
}
