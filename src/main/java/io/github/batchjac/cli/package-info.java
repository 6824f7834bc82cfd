/**
 * The command {@code batchjac}: one class per command. Arrays stream from files through a program into files, which appear
 * whole or not at all; a failure is one sentence on stderr.
 */
@NullMarked
package io.github.batchjac.cli;

import org.jspecify.annotations.NullMarked;
