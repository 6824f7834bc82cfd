package io.github.batchjac.backend.cuda;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;

/** Drivers whose devices do as they are told, and somebody sees it. */
final class Watched {
    private Watched() {}

    /** @param seen is told every call, by name with its arguments, before it is made */
    static Driver driver(Driver driver, BiConsumer<String, Object[]> seen) {
        return driver(driver, Map.of(), seen);
    }

    /** A driver whose devices say that they cannot record graphs. */
    static Driver withoutGraphs(Driver driver) {
        return driver(driver, Map.of("graphs", false), (call, arguments) -> {});
    }

    /** @param answers of calls, by name, instead of the device's own */
    static Driver driver(Driver driver, Map<String, Object> answers, BiConsumer<String, Object[]> seen) {
        return new Driver() {
            @Override
            public int version() {
                return driver.version();
            }

            @Override
            public int devices() {
                return driver.devices();
            }

            @Override
            public DeviceInfo info(int ordinal) {
                return driver.info(ordinal);
            }

            @Override
            public Device open(int ordinal) {
                return device(driver.open(ordinal), answers, seen);
            }
        };
    }

    private static Device device(Device device, Map<String, Object> answers, BiConsumer<String, Object[]> seen) {
        return (Device) Proxy.newProxyInstance(
                Device.class.getClassLoader(), new Class<?>[] {Device.class}, (proxy, method, arguments) -> {
                    seen.accept(method.getName(), arguments);
                    if (answers.containsKey(method.getName())) {
                        return answers.get(method.getName());
                    }
                    try {
                        return method.invoke(device, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** How often each call was made. */
    static final class Counts implements BiConsumer<String, Object[]> {
        private final Map<String, LongAdder> counts = new ConcurrentHashMap<>();

        @Override
        public void accept(String call, Object[] arguments) {
            counts.computeIfAbsent(call, name -> new LongAdder()).increment();
        }

        long of(String call) {
            LongAdder count = counts.get(call);
            return count == null ? 0 : count.sum();
        }
    }
}
