package io.github.batchjac.backend.cuda;

import io.github.batchjac.graph.Elementwise;
import io.github.batchjac.graph.Op;
import io.github.batchjac.graph.Value;
import io.github.batchjac.plan.Given;
import io.github.batchjac.plan.Plan;
import io.github.batchjac.plan.Request;
import io.github.batchjac.plan.Result;
import io.github.batchjac.plan.Slot;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A plan for the dense input Jacobian of a chain of linear layers, each with an elementwise function or none after it, all
 * so narrow that one kernel takes a sample from its input to its Jacobian: the steps between never touch memory.
 */
final class SmallNetwork {
    private final List<Layer> layers = new ArrayList<>();
    private final Map<String, Slot> given = new HashMap<>();

    /** {@code φ(Wx + b)}. */
    private record Layer(
            Slot w,
            @Nullable Slot bias,
            int in,
            int out,
            boolean rowForm,
            @Nullable Elementwise function) {}

    private SmallNetwork(Plan plan) {
        for (Given g : plan.inputs()) {
            if (plan.slots().contains(g.slot())) {
                given.put(g.name(), g.slot());
            }
        }
    }

    /** The one launch that does what the plan's steps do, or null if the plan is for something else. */
    static @Nullable Action in(Plan plan) {
        if (!plan.hasGraph()) {
            return null;
        }
        Request request = plan.request();
        if (request.kind() != Request.Kind.JACOBIAN || request.wrt().size() != 1) {
            return null;
        }
        SmallNetwork network = new SmallNetwork(plan);
        String wrt = request.wrt().get(0);
        return network.chain(plan.graph().output(), plan.graph().named(wrt)) ? network.action(plan, wrt) : null;
    }

    /** Collects the layers from the output back to x; false if anything else is met. */
    private boolean chain(Value output, Value x) {
        if (!(x.op() instanceof Op.Input)) {
            return false;
        }
        Value at = output;
        @Nullable Elementwise function = null;
        while (at != x) {
            if (at.op() instanceof Op.Map map && function == null) {
                function = map.function();
            } else if (at.op() instanceof Op.Linear linear && layers.size() < Network.MOST_LAYERS) {
                Value from = at.operand(0);
                Slot w = slot(at.operand(1));
                @Nullable Slot bias = at.operands().size() > 2 ? slot(at.operand(2)) : null;
                boolean biasMissing = at.operands().size() > 2 && bias == null;
                if (w == null
                        || biasMissing
                        || from.size() > NetworkKernels.WIDEST
                        || at.size() > NetworkKernels.WIDEST) {
                    return false;
                }
                layers.add(new Layer(w, bias, from.size(), at.size(), linear.rowForm(), function));
                function = null;
            } else {
                return false;
            }
            at = at.operand(0);
        }
        Collections.reverse(layers);
        return function == null && !layers.isEmpty();
    }

    /** The slot of a parameter; null if it is anything else, or not held. */
    private @Nullable Slot slot(Value value) {
        return value.op() instanceof Op.Parameter p ? given.get(p.name()) : null;
    }

    private @Nullable Action action(Plan plan, String wrt) {
        Slot x = given.get(wrt);
        @Nullable Slot jacobian = null;
        @Nullable Slot value = null;
        for (Result result : plan.results()) {
            if (result.name().equals(wrt)) {
                jacobian = result.slot();
            } else {
                value = result.slot();
            }
        }
        if (x == null || jacobian == null || jacobian.shared()) {
            return null;
        }
        Slot out = jacobian;
        @Nullable Slot y = value;
        return (k, f, piece) -> {
            List<Network.Layer> table = new ArrayList<>();
            for (Layer l : layers) {
                table.add(new Network.Layer(f.at(l.w), f.at(l.bias), l.in, l.out, l.rowForm, l.function));
            }
            k.networks().jacobian(f.at(out), f.at(y), new Network(table), f.at(x), piece.samples());
        };
    }
}
