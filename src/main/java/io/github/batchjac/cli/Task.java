package io.github.batchjac.cli;

import io.github.batchjac.graph.Graph;
import io.github.batchjac.plan.Request;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a command computes.
 *
 * @param graph the model, with a loss if one was asked for
 * @param request what is wanted of it
 * @param arrays the results that are written and what the file calls them
 */
record Task(Graph graph, Request request, Map<String, String> arrays) {

    /** One result under one name. */
    static Task of(Graph graph, Request request, String result, String array) {
        return new Task(graph, request, Map.of(result, array));
    }

    /** A result for each of the request's names, under that name. */
    static Task perName(Graph graph, Request request) {
        Map<String, String> arrays = new LinkedHashMap<>();
        request.wrt().forEach(name -> arrays.put(name, name));
        return new Task(graph, request, arrays);
    }

    /** The arrays' names. */
    List<String> names() {
        return List.copyOf(arrays.values());
    }
}
