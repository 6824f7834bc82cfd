package io.github.batchjac.example;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.RoundRectangle2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * A picture of digits, each beside the gradient of its class's probability with respect to the pixels: where ink speaks for
 * the class and where it speaks against.
 */
public final class SaliencySheet {
    private static final int COLUMNS = 5;
    private static final int TILE = 132;
    private static final int PAD = 14;
    private static final int CARD_WIDTH = 2 * TILE + 3 * PAD;
    private static final int CARD_HEIGHT = TILE + 2 * PAD + 30;
    private static final int GAP = 20;
    private static final int MARGIN = 48;
    private static final int TOP = 142;
    private static final int SECTION = 46;
    private static final int BOTTOM = 96;
    private static final int SCALE = 2;

    private static final Color PAPER = new Color(0xF6F4EF);
    private static final Color INK = new Color(0x23272E);
    private static final Color FAINT = new Color(0x767C86);
    private static final Color LINE = new Color(0xE2DED5);
    private static final Color WRONG = new Color(0xB4451F);

    /**
     * One digit.
     *
     * @param image 64 pixels, 0 paper to 1 ink
     * @param gradient of the probability of {@code predicted} wrt those pixels
     * @param label what it is
     * @param predicted what the network takes it for
     * @param probability how sure it is
     */
    public record Card(float[] image, float[] gradient, int label, int predicted, double probability) {}

    /** Cards under a heading. */
    public record Section(String heading, List<Card> cards) {}

    private final Graphics2D g;
    private final BufferedImage canvas;
    private final int width;
    private final int height;

    private SaliencySheet(List<Section> sections) {
        int rows = sections.stream().mapToInt(s -> rows(s)).sum();
        width = 2 * MARGIN + COLUMNS * CARD_WIDTH + (COLUMNS - 1) * GAP;
        height = TOP + sections.size() * SECTION + rows * (CARD_HEIGHT + GAP) + BOTTOM;
        canvas = new BufferedImage(width * SCALE, height * SCALE, BufferedImage.TYPE_INT_RGB);
        g = canvas.createGraphics();
        g.scale(SCALE, SCALE);
        g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        g.setRenderingHint(RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
        g.setRenderingHint(RenderingHints.KEY_INTERPOLATION, RenderingHints.VALUE_INTERPOLATION_BILINEAR);
        g.setColor(PAPER);
        g.fillRect(0, 0, width, height);
    }

    /** The picture, as the bytes of a PNG file. Needs no display. */
    public static byte[] png(List<Section> sections, String subtitle) throws IOException {
        SaliencySheet sheet = new SaliencySheet(sections);
        sheet.draw(sections, subtitle);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ImageWriter writer = ImageIO.getImageWritersByFormatName("png").next();
        try (ImageOutputStream to = new MemoryCacheImageOutputStream(bytes)) {
            ImageWriteParam smallest = writer.getDefaultWriteParam();
            smallest.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            smallest.setCompressionQuality(0);
            writer.setOutput(to);
            writer.write(null, new IIOImage(sheet.canvas, null, null), smallest);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    private static int rows(Section section) {
        return (section.cards().size() + COLUMNS - 1) / COLUMNS;
    }

    private void draw(List<Section> sections, String subtitle) {
        text("What makes it a seven?", MARGIN, 66, Font.BOLD, 34, INK);
        text(
                "Each digit beside the gradient of its class’s probability with respect to the 64 pixels:"
                        + " where more ink would make the network surer, and where less.",
                MARGIN,
                98,
                Font.PLAIN,
                17,
                INK);
        text(subtitle, MARGIN, 123, Font.PLAIN, 14, FAINT);
        int y = TOP;
        for (Section section : sections) {
            text(section.heading(), MARGIN, y + 30, Font.BOLD, 17, INK);
            y += SECTION;
            for (int i = 0; i < section.cards().size(); i++) {
                int x = MARGIN + i % COLUMNS * (CARD_WIDTH + GAP);
                card(section.cards().get(i), x, y + i / COLUMNS * (CARD_HEIGHT + GAP));
            }
            y += rows(section) * (CARD_HEIGHT + GAP);
        }
        legend(y + 24);
        text(
                "Digits: " + Digits.SOURCE + ".   Network and gradients: batchjac.",
                MARGIN,
                height - 24,
                Font.PLAIN,
                13,
                FAINT);
        g.dispose();
    }

    private void card(Card card, int x, int y) {
        g.setColor(Color.WHITE);
        g.fill(new RoundRectangle2D.Double(x, y, CARD_WIDTH, CARD_HEIGHT, 14, 14));
        g.setColor(LINE);
        g.setStroke(new BasicStroke(1));
        g.draw(new RoundRectangle2D.Double(x, y, CARD_WIDTH, CARD_HEIGHT, 14, 14));
        Field image = new Field(card.image());
        tile(x + PAD, y + PAD, (u, v) -> ink(image.at(u, v)));
        Field gradient = new Field(card.gradient());
        double largest = gradient.largest();
        tile(x + 2 * PAD + TILE, y + PAD, (u, v) -> {
            int colour = diverging(largest == 0 ? 0 : gradient.at(u, v) / largest);
            return mix(colour, 0x23272E, 0.7 * image.contour(u, v));
        });
        boolean right = card.label() == card.predicted();
        int baseline = y + 2 * PAD + TILE + 15;
        text(
                right ? "a " + card.label() : "a " + card.label() + ", taken for " + card.predicted(),
                x + PAD,
                baseline,
                Font.BOLD,
                16,
                right ? INK : WRONG);
        String p = percent(card.probability());
        String sure = "P(" + card.predicted() + ") = " + p;
        g.setFont(font(Font.PLAIN, 15));
        double end = x
                + CARD_WIDTH
                - PAD
                - g.getFontMetrics().getStringBounds(sure, g).getWidth();
        text(sure, end, baseline, Font.PLAIN, 15, FAINT);
    }

    /** {@code 99.9 %}, never rounded up to certainty. */
    private static String percent(double p) {
        return String.format(Locale.ROOT, "%.1f %%", Math.floor(p * 1e3) / 10);
    }

    private interface Shade {
        /** The colour at (u, v), each 0 to 1. */
        int at(double u, double v);
    }

    private void tile(int x, int y, Shade shade) {
        int n = TILE * SCALE;
        BufferedImage tile = new BufferedImage(n, n, BufferedImage.TYPE_INT_RGB);
        for (int j = 0; j < n; j++) {
            for (int i = 0; i < n; i++) {
                tile.setRGB(i, j, shade.at((i + 0.5) / n, (j + 0.5) / n));
            }
        }
        g.drawImage(tile, x, y, TILE, TILE, null);
        g.setColor(LINE);
        g.drawRect(x, y, TILE, TILE);
    }

    private void legend(int y) {
        int length = 260;
        int x = width - MARGIN - length;
        for (int i = 0; i < length * SCALE; i++) {
            g.setColor(new Color(diverging(2.0 * i / (length * SCALE - 1) - 1)));
            g.fill(new java.awt.geom.Rectangle2D.Double(x + (double) i / SCALE, y - 13, 1, 16));
        }
        g.setColor(LINE);
        g.drawRect(x, y - 13, length, 16);
        text("ink speaks against it", x, y + 22, Font.PLAIN, 13, FAINT);
        String last = "ink speaks for it";
        g.setFont(font(Font.PLAIN, 13));
        text(last, x + length - g.getFontMetrics().getStringBounds(last, g).getWidth(), y + 22, Font.PLAIN, 13, FAINT);
        text(
                "Each map is scaled to its own largest entry. Thin line: the digit’s outline.",
                MARGIN,
                y,
                Font.PLAIN,
                14,
                INK);
    }

    private static Font font(int style, int size) {
        return new Font(Font.SANS_SERIF, style, size);
    }

    private void text(String text, double x, double y, int style, int size, Color colour) {
        g.setFont(font(style, size));
        g.setColor(colour);
        g.drawString(text, (float) x, (float) y);
    }

    // Colours.

    private static int ink(double v) {
        return mix(0xFBFAF7, 0x23272E, Math.max(0, Math.min(1, v)));
    }

    /** −1 blue, 0 white, 1 vermilion; about as dark on both sides, and told apart by the colour-blind. */
    private static int diverging(double v) {
        double t = Math.max(-1, Math.min(1, v));
        double a = Math.pow(Math.abs(t), 0.8);
        int end = t < 0 ? 0x1F5FA8 : 0xD1451B;
        int middle = t < 0 ? 0x7FB2DE : 0xF5A27A;
        return a < 0.5 ? mix(0xFDFCFA, middle, 2 * a) : mix(middle, end, 2 * a - 1);
    }

    private static int mix(int from, int to, double t) {
        int out = 0;
        for (int shift = 0; shift <= 16; shift += 8) {
            int a = from >> shift & 255;
            int b = to >> shift & 255;
            out |= (int) Math.round(a + t * (b - a)) << shift;
        }
        return out;
    }

    /** 8×8 numbers as a smooth surface over the unit square: cubic convolution (Catmull and Rom). */
    private static final class Field {
        private static final int N = 8;
        private final float[] a;

        Field(float[] a) {
            this.a = a;
        }

        double largest() {
            double largest = 0;
            for (float v : a) {
                largest = Math.max(largest, Math.abs(v));
            }
            return largest;
        }

        double at(double u, double v) {
            double x = u * N - 0.5;
            double y = v * N - 0.5;
            int i = (int) Math.floor(x);
            int j = (int) Math.floor(y);
            double sum = 0;
            for (int dj = -1; dj <= 2; dj++) {
                double row = 0;
                for (int di = -1; di <= 2; di++) {
                    row += weight(x - i - di) * pixel(i + di, j + dj);
                }
                sum += weight(y - j - dj) * row;
            }
            return sum;
        }

        /** 1 on the line where the surface is one half, 0 a pixel away from it. */
        double contour(double u, double v) {
            double h = 1.0 / (TILE * SCALE);
            double here = at(u, v) - 0.5;
            double slope = Math.hypot(at(u + h, v) - at(u - h, v), at(u, v + h) - at(u, v - h)) / 2;
            return slope == 0 ? 0 : Math.max(0, 1 - Math.abs(here) / slope / 1.6);
        }

        private double pixel(int i, int j) {
            return a[Math.max(0, Math.min(N - 1, j)) * N + Math.max(0, Math.min(N - 1, i))];
        }

        private static double weight(double d) {
            double t = Math.abs(d);
            return t < 1 ? 1 - 2.5 * t * t + 1.5 * t * t * t : t < 2 ? 2 - 4 * t + 2.5 * t * t - 0.5 * t * t * t : 0;
        }
    }
}
