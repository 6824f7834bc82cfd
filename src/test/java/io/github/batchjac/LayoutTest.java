package io.github.batchjac;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The order of the packages, and who may use what from outside. A package that does not exist yet breaks no rule. */
class LayoutTest {
    private static final String ROOT = "io.github.batchjac";
    private static final List<String> BACKENDS = List.of("reference", "cpu", "cuda");

    /** Each may use those before it. Two dots: with subpackages. */
    private static final List<String> ORDER = List.of(
            ROOT + ".tensor..",
            ROOT + ".graph..",
            ROOT + ".structure..",
            ROOT + ".plan..",
            ROOT + ".backend",
            ROOT + ".backend.*..",
            ROOT + ".io..",
            ROOT,
            ROOT + ".cli..");

    private static final JavaClasses MAIN = new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(ROOT);

    static List<String> packages() {
        return ORDER;
    }

    static List<String> backends() {
        return BACKENDS;
    }

    @Test
    void theRulesSeeTheClasses() {
        assertThat(MAIN).isNotEmpty();
    }

    @Test
    void everyClassIsInAPackageOfTheOrder() {
        check(classes().should().resideInAnyPackage(ORDER.toArray(String[]::new)));
    }

    /** {@code Backends} is the one exception: it knows the backends that it chooses from. */
    @ParameterizedTest
    @MethodSource("packages")
    void aPackageDependsOnlyOnThoseBeforeIt(String name) {
        String[] later = ORDER.subList(ORDER.indexOf(name) + 1, ORDER.size()).toArray(String[]::new);
        check(noClasses()
                .that(resideInAPackage(name).and(not(nameMatching(ROOT + "\\.backend\\.Backends(\\$.*)?"))))
                .should()
                .dependOnClassesThat(resideInAnyPackage(later)));
    }

    @Test
    void theChoiceOfABackendDependsOnNothingLaterThanTheBackends() {
        String[] later = IntStream.range(ORDER.indexOf(ROOT + ".backend.*..") + 1, ORDER.size())
                .mapToObj(ORDER::get)
                .toArray(String[]::new);
        check(noClasses()
                .that(nameMatching(ROOT + "\\.backend\\.Backends(\\$.*)?"))
                .should()
                .dependOnClassesThat(resideInAnyPackage(later)));
    }

    @ParameterizedTest
    @MethodSource("backends")
    void aBackendKnowsNoOtherBackend(String name) {
        String[] others = BACKENDS.stream()
                .filter(other -> !other.equals(name))
                .map(LayoutTest::backend)
                .toArray(String[]::new);
        check(noClasses()
                .that(resideInAPackage(backend(name)))
                .should()
                .dependOnClassesThat(resideInAnyPackage(others)));
    }

    @Test
    void onlyTheCudaBackendUsesJCuda() {
        check(noClasses()
                .that(not(resideInAPackage(backend("cuda"))))
                .should()
                .dependOnClassesThat(resideInAPackage("jcuda..")));
    }

    @Test
    void onlyTheCommandUsesPicocliAndProgressBars() {
        check(noClasses()
                .that(not(resideInAPackage(ROOT + ".cli..")))
                .should()
                .dependOnClassesThat(resideInAnyPackage("picocli..", "me.tongfei.progressbar..")));
    }

    /** Those classes are loaded by name, after a check that the module is there. The build compiles them separately. */
    @Test
    void onlyClassesOfTheCpuBackendNamedVectorUseTheVectorModule() {
        check(noClasses()
                .that(not(resideInAPackage(backend("cpu")).and(nameMatching(".*\\.Vector[^.]*"))))
                .should()
                .dependOnClassesThat(resideInAPackage("jdk.incubator.vector..")));
        check(noClasses()
                .that(not(nameMatching(".*\\.Vector[^.]*")))
                .should()
                .dependOnClassesThat(
                        resideInAPackage(backend("cpu")).and(JavaClass.Predicates.simpleNameStartingWith("Vector"))));
    }

    private static String backend(String name) {
        return ROOT + ".backend." + name + "..";
    }

    private static void check(ArchRule rule) {
        rule.allowEmptyShould(true).check(MAIN);
    }
}
