package io.github.batchjac.cli;

import io.github.batchjac.example.SaliencySheet.Card;
import io.github.batchjac.example.SaliencySheet.Section;
import io.github.batchjac.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Chooses, of all digits, those that the demo shows. */
final class DemoDigits {
    private static final int DOUBTFUL = 10;

    private final Tensor images;
    private final long[] labels;
    private final Tensor probabilities;
    private final Tensor jacobian;
    private final int classes;

    DemoDigits(Tensor images, long[] labels, Tensor probabilities, Tensor jacobian) {
        this.images = images;
        this.labels = labels;
        this.probabilities = probabilities;
        this.jacobian = jacobian;
        this.classes = (int) probabilities.shape().axis(1);
    }

    private int predicted(int b) {
        int best = 0;
        for (int c = 1; c < classes; c++) {
            if (probability(b, c) > probability(b, best)) {
                best = c;
            }
        }
        return best;
    }

    private double probability(int b, int c) {
        return probabilities.get(b * classes + c);
    }

    double accuracy() {
        return IntStream.range(0, labels.length).filter(this::isRight).count() / (double) labels.length;
    }

    private boolean isRight(int b) {
        return predicted(b) == labels[b];
    }

    private double sureness(int b) {
        return probability(b, predicted(b));
    }

    /** Of each class one that is as sure as most are, and then the least sure of all. */
    List<Section> sections() {
        List<Card> typical = new ArrayList<>();
        for (int c = 0; c < classes; c++) {
            int wanted = c;
            int[] own = IntStream.range(0, labels.length)
                    .filter(b -> labels[b] == wanted && isRight(b))
                    .boxed()
                    .sorted(Comparator.comparingDouble(this::sureness))
                    .mapToInt(b -> b)
                    .toArray();
            if (own.length > 0) {
                typical.add(card(own[own.length / 2]));
            }
        }
        List<Card> doubtful = IntStream.range(0, labels.length)
                .boxed()
                .sorted(Comparator.comparingDouble(this::sureness))
                .limit(DOUBTFUL)
                .sorted(Comparator.comparingLong(b -> labels[b]))
                .map(this::card)
                .toList();
        return List.of(
                new Section("One of each, as sure as most", typical),
                new Section("The ten that the network is least sure of", doubtful));
    }

    private Card card(int b) {
        int pixels = images.size() / labels.length;
        int c = predicted(b);
        int row = (b * classes + c) * pixels;
        return new Card(
                Arrays.copyOfRange(images.floats(), b * pixels, (b + 1) * pixels),
                Arrays.copyOfRange(jacobian.floats(), row, row + pixels),
                (int) labels[b],
                c,
                probability(b, c));
    }
}
